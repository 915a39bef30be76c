// The quote board's pages and citations: nearly equal lines while one types, all boxes at once, who proposed what is cited.

import type { Http } from "../api/http.ts";
import { element, need } from "../render/dom.ts";
import { fill, type Words } from "../words.ts";

interface Line {
  id: number;
  content: string;
}

interface Named {
  id: number;
  proposer: string | null;
}

/** Long enough after the last key that one request answers a burst of them. */
const PAUSE_MS = 450;
const LEAST_LETTERS = 8;

export function startBoard(http: Http): void {
  const form = document.querySelector<HTMLFormElement>("[data-line-form]");
  if (form) watchForSimilar(form, http);
  const all = document.querySelector<HTMLElement>("[data-all]");
  if (all) tickAll(all);
  const thread = document.querySelector<HTMLElement>("#thread");
  if (thread) nameProposers(thread, http, JSON.parse(need("#words").textContent ?? "{}") as Words);
}

/** Tells what is nearly the same on the board before the form is sent; then the server need not ask again. */
function watchForSimilar(form: HTMLFormElement, http: Http): void {
  const field = need<HTMLTextAreaElement>("[data-content]", form);
  const seen = need<HTMLInputElement>("[name=seen]", form);
  const notice = need("#similar", form);
  const own = /\/quotes\/(\d+)\/edit$/.exec(form.action)?.[1];
  let timer = 0;
  let asked: AbortController | null = null;

  const ask = async () => {
    const content = field.value.trim();
    asked?.abort();
    asked = new AbortController();
    if (content.length < LEAST_LETTERS) return show([], "");
    try {
      const body = { content };
      const call = { method: "POST", body, signal: asked.signal } as const;
      const { results } = await http.json<{ results: Line[] }>("/quote/similar", call);
      show(results.filter((line) => String(line.id) !== own), content);
    } catch {
      // Typing goes on without the hint: the server looks again when the form is sent.
    }
  };

  const show = (lines: readonly Line[], content: string) => {
    notice.hidden = lines.length === 0;
    const list = need("ul", notice);
    list.replaceChildren(
      ...lines.map((line) => element("li", {}, element("a", { href: `/quotes/${line.id}`, dir: "auto" }, line.content))),
    );
    seen.value = lines.length ? content : "";
  };

  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), PAUSE_MS);
  });
}

function tickAll(label: HTMLElement): void {
  const box = need<HTMLInputElement>("input", label);
  const boxes = [...document.querySelectorAll<HTMLInputElement>("input[name=ids]")];
  label.hidden = false;
  box.addEventListener("change", () => {
    for (const each of boxes) each.checked = box.checked;
  });
}

/** Adds the proposer's name to the citations of answers that end while the page is open. */
function nameProposers(thread: HTMLElement, http: Http, words: Words): void {
  const look = new MutationObserver(() => {
    const links = [
      ...thread.querySelectorAll<HTMLElement>('.answer:not([data-status="streaming"]) [data-quote]:not([data-named])'),
    ];
    if (!links.length) return;
    for (const link of links) link.dataset["named"] = "";
    void name(links, http, words);
  });
  look.observe(thread, { subtree: true, attributes: true, attributeFilter: ["data-status"] });
}

async function name(links: readonly HTMLElement[], http: Http, words: Words): Promise<void> {
  const ids = [...new Set(links.map((link) => link.dataset["quote"] ?? ""))].join(",");
  try {
    const { results } = await http.json<{ results: Named[] }>(`/quote?per_page=100&ids=${ids}`);
    const names = new Map(results.map((line) => [String(line.id), line.proposer]));
    for (const link of links) {
      const proposer = names.get(link.dataset["quote"] ?? "");
      if (proposer) link.append(` · ${fill(words.proposedBy, { name: proposer })}`);
    }
  } catch {
    // A citation without the name is complete enough; the next load of the page has it.
  }
}
