// The counterpart of `growing.py` for the client's code, which Node runs as it is written; see there.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { cpuUsage } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

// The first turns compile what they run; a long text's time would hold that, a short one's after it would not.
const REPEATS = 4;
const SLOW_SECONDS = 0.5;

const client = new URL("../../client/", import.meta.url);
const require = createRequire(fileURLToPath(new URL("package.json", client)));
const source = (name) => import(new URL(`src/${name}`, client).href);
const library = (name) => import(pathToFileURL(require.resolve(name)).href);

const targets = {
  async lexer() {
    const { Blocks } = await source("model/blocks.ts");
    return (text) => {
      const blocks = new Blocks();
      blocks.append(text);
      blocks.finish();
    };
  },
  // The grammars that `highlight.ts` registers, by themselves: the tree needs a page.
  async highlighter() {
    const { default: hljs } = await library("highlight.js/lib/core");
    const used = readFileSync(new URL("src/render/highlight.ts", client), "utf8");
    const names = [...used.matchAll(/highlight\.js\/lib\/languages\/(\w+)/g)].map((found) => found[1]);
    for (const name of names) hljs.registerLanguage(name, (await library(`highlight.js/lib/languages/${name}`)).default);
    const { isHighlightable } = await source("render/code.ts");
    return (text) => {
      if (!isHighlightable(text)) return;
      for (const language of names) hljs.highlight(text, { language, ignoreIllegals: true });
    };
  },
  async formulas() {
    const { default: katex } = await library("katex");
    return (text) => {
      try {
        katex.renderToString(text, { output: "mathml", displayMode: true, throwOnError: true, maxExpand: 100 });
      } catch (error) {
        if (!(error instanceof katex.ParseError) && !(error instanceof RangeError)) throw error;
      }
    };
  },
};

function textOf([head, unit, tail], size) {
  return head + unit.repeat(Math.max(1, Math.floor((size - head.length - tail.length) / unit.length))) + tail;
}

function secondsOf(call, text, least) {
  let best = Infinity;
  for (let turn = 0; turn < REPEATS && best > 0; turn++) {
    const begun = cpuUsage();
    call(text);
    const { user, system } = cpuUsage(begun);
    best = Math.min(best, (user + system) / 1e6);
    if (best < least || best > SLOW_SECONDS) break;
  }
  return best;
}

const asked = JSON.parse(readFileSync(0, "utf8"));
const call = await targets[asked.target]();
call("warm");
const { sizes: [short, long], least } = asked;
for (const [family, parts] of Object.entries(asked.families)) {
  let told;
  try {
    const last = secondsOf(call, textOf(parts, long), least);
    const first = last > least ? secondsOf(call, textOf(parts, short), 0) : 0;
    told = { seconds: [first, last] };
  } catch (error) {
    told = { seconds: [0, 1e9], error: String(error).slice(0, 200) };
  }
  console.log(JSON.stringify({ family, ...told }));
}
