// A block of code: language, copy button, text; highlighted later, when the browser has time.

import { element } from "./dom.ts";

/** Longer code stays plain: highlighting it would hold the page up. */
const LONGEST_HIGHLIGHTED = 30_000;
/** So does code with such a word in it: the highlighter's time grows with the square of a word's length. */
const ENDLESS_WORD = /\w{1000}/;

/** The words on the copy button, set once by `main`. */
export const copyWords = { copy: "Copy", copied: "Copied" };

/** A closed block of code. The server renders the same markup, which `enhanceCode` brings to life. */
export function makeCodeBlock(text: string, language: string): HTMLElement {
  const block = makeOpenCodeBlock(language);
  block.code.textContent = text;
  highlightSoon(block.code, language);
  return block.frame;
}

/** A block whose text still grows. */
export function makeOpenCodeBlock(language: string): { frame: HTMLElement; code: HTMLElement } {
  const code = element("code", { "data-language": language || undefined });
  const caption = element("figcaption", {}, element("span", {}, language), makeCopyButton());
  return { frame: element("figure", { class: "code" }, caption, element("pre", { tabindex: "0" }, code)), code };
}

/** Adds to code blocks that the server rendered what needs a program. */
export function enhanceCode(within: ParentNode): void {
  for (const frame of within.querySelectorAll("figure.code:not([data-alive])")) {
    frame.setAttribute("data-alive", "");
    frame.querySelector("figcaption")?.append(makeCopyButton());
    const code = frame.querySelector<HTMLElement>("code");
    if (code) highlightSoon(code, code.dataset["language"] ?? "");
  }
}

function makeCopyButton(): HTMLButtonElement {
  const button = element("button", { type: "button", class: "copy" }, copyWords.copy);
  button.addEventListener("click", () => {
    const code = button.closest("figure")?.querySelector("code");
    void navigator.clipboard.writeText(code?.textContent ?? "").then(() => sayCopied(button));
  });
  return button;
}

function sayCopied(button: HTMLElement): void {
  button.textContent = copyWords.copied;
  setTimeout(() => (button.textContent = copyWords.copy), 1_500);
}

/** Whether the highlighter gets through the code in a moment. */
export function isHighlightable(text: string): boolean {
  return text.length <= LONGEST_HIGHLIGHTED && !ENDLESS_WORD.test(text);
}

interface Waiting {
  code: HTMLElement;
  language: string;
}

let waiting: Waiting[] = [];

/**
 * Highlights when nothing more urgent is to be done, as many blocks at once as there is time for: each for itself
 * would have the page laid out anew. The highlighter is loaded with the first block.
 */
export function highlightSoon(code: HTMLElement, language: string): void {
  if (!language || !isHighlightable(code.textContent ?? "")) return;
  waiting.push({ code, language: language.toLowerCase() });
  if (waiting.length === 1) whenIdle(highlightWaiting);
}

async function highlightWaiting(hasTime: () => boolean): Promise<void> {
  const { highlight } = await import("./highlight.ts");
  do {
    const next = waiting.shift();
    if (next) highlight(next.code, next.language);
  } while (waiting.length && hasTime());
  if (waiting.length) whenIdle(highlightWaiting);
}

/** Every so often at most, and with some 20 ms to use where the browser does not say. */
function whenIdle(work: (hasTime: () => boolean) => Promise<void>): void {
  const run = (deadline?: IdleDeadline) => {
    const end = performance.now() + (deadline?.timeRemaining() ?? 20);
    work(() => performance.now() < end).catch(() => (waiting = [])); // no highlighter, no colours
  };
  setTimeout(() => ("requestIdleCallback" in window ? requestIdleCallback(run, { timeout: 2_000 }) : run()), 250);
}
