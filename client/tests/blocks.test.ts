// A growing text, cut anywhere, becomes the same blocks as the whole text at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Token } from "marked";
import { Blocks } from "../src/model/blocks.ts";
import { lex } from "../src/model/markdown.ts";

const DOCUMENT = `# A heading

A paragraph with *emphasis*, \`code\`, a [link](https://example.org) and $a_1 + b_1$.
Its second line.

- one
- two
  - nested
*still two*

- loose

1. first

   more of first
2. second

| a | b |
|---|---|
| 1 | 2 |

> A quotation
> — Somebody [1]

\`\`\`python
def f():
    return "\`\`"

# not a heading
\`\`\`

$$
x^2
$$

~~~
tilde
\`\`\`
~~~

Setext
------

<div>raw</div>

The end [ref].

[ref]: https://example.org/ref
`;

/** What a reader would see: token types with their text, spaces left out. */
function shape(tokens: readonly Token[]): unknown[] {
  return tokens.filter((token) => token.type !== "space").map((token) => [token.type, token.raw.trimEnd()]);
}

function grown(pieces: readonly string[]): Token[] {
  const blocks = new Blocks();
  const closed: Token[] = [];
  for (const piece of pieces) closed.push(...blocks.append(piece).closed);
  return [...closed, ...blocks.finish()];
}

function cut(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) => text.slice(index * size, (index + 1) * size));
}

const WHOLE = shape(lex(DOCUMENT, {}));

for (const size of [1, 2, 3, 7, 16, 100]) {
  test(`pieces of ${size} characters give the blocks of the whole text`, () => {
    assert.deepEqual(shape(grown(cut(DOCUMENT, size))), WHOLE);
  });
}

test("every split in two gives the blocks of the whole text", () => {
  for (let at = 0; at <= DOCUMENT.length; at++) {
    assert.deepEqual(shape(grown([DOCUMENT.slice(0, at), DOCUMENT.slice(at)])), WHOLE, `split at ${at}`);
  }
});

test("a long text that comes at once gives the blocks of the whole text", () => {
  const long = DOCUMENT.replace(/^\[ref\].*$/m, "").repeat(200);
  assert.ok(long.length > 60_000);
  assert.deepEqual(shape(grown([long])), shape(lex(long, {})));
  const item = `- one\n${"\n  more of it".repeat(5000)}\n\nand after\n`;
  assert.deepEqual(shape(grown([item])), shape(lex(item, {})));
});

test("CR LF is one line end, also when it is cut in two", () => {
  assert.deepEqual(shape(grown(["one\r", "\n\r\ntwo\r"])), shape(lex("one\n\ntwo\n", {})));
});

test("an open fence shows its text without a line that may close it", () => {
  const blocks = new Blocks();
  assert.deepEqual(blocks.append("```js\nlet a;\n``").fence, { language: "js", text: "let a;" });
  assert.deepEqual(blocks.append("x\n").fence, { language: "js", text: "let a;\n``x" });
  const growth = blocks.append("```\nafter\n");
  assert.equal(growth.fence, null);
  assert.deepEqual(growth.closed.map((token) => token.type), ["code"]);
});

test("closed blocks are given once, and the rest stays small", () => {
  const blocks = new Blocks();
  let longest = 0;
  let count = 0;
  for (const piece of cut("A paragraph of some words.\n\n".repeat(500), 5)) {
    const growth = blocks.append(piece);
    count += growth.closed.filter((token) => token.type === "paragraph").length;
    longest = Math.max(longest, growth.open.length);
  }
  assert.equal(count + blocks.finish().filter((token) => token.type === "paragraph").length, 500);
  assert.ok(longest <= 4);
});

test("formulas are not torn by emphasis, and prices are no formulas", () => {
  const [paragraph] = lex("$a_1 b_1$ costs $5 or $6, \\(x\\) and $$y$$", {});
  const inner = (paragraph as { tokens: Token[] }).tokens;
  assert.deepEqual(
    inner.filter((token) => token.type === "formula").map((token) => (token as unknown as { text: string }).text),
    ["a_1 b_1", "x", "y"],
  );
});

test("a formula in the middle of a line begins no block", () => {
  assert.deepEqual(shape(lex("x$$y$$\n", {})), [["paragraph", "x$$y$$"]]);
});
