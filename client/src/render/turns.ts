// Messages on the page: made from the server's templates, read back from its markup, brought up to date.

import type { Run } from "../model/generation.ts";
import type { End, Source } from "../model/events.ts";
import { placeOf, type Role, type Turn } from "../model/thread.ts";
import type { Words } from "../words.ts";
import { GrowingAnswer } from "./answer.ts";
import { enhanceCode } from "./code.ts";
import { cloneTemplate, element, need } from "./dom.ts";
import type { MarkdownRenderer } from "./markdown.ts";
import { enhanceFormulas } from "./math.ts";
import { sourceView } from "./sources.ts";
import { moment } from "./time.ts";

/** The thread's list items as turns. */
export function readTurns(items: Iterable<Element>): Turn[] {
  return [...items].map((item) => {
    const { id = "", role, siblings = "" } = (item as HTMLElement).dataset;
    return { id, role: role as Role, siblings: siblings.split(" ").filter(Boolean) };
  });
}

/** Adds to messages that the server rendered what needs a program. */
export function enhanceTurns(within: ParentNode): void {
  enhanceCode(within);
  enhanceFormulas(within);
  for (const button of within.querySelectorAll<HTMLElement>("[data-copy], [data-edit-cancel]")) button.hidden = false;
  for (const time of within.querySelectorAll<HTMLTimeElement>("time.when")) {
    time.textContent = moment(new Date(time.dateTime));
  }
}

/** The user's message, before the server has given it an id. */
export function makeWords(content: string): HTMLElement {
  const item = cloneTemplate("words-template");
  need(".bubble", item).textContent = content;
  need<HTMLTextAreaElement>("textarea", item).value = content;
  enhanceTurns(item);
  return item;
}

/** What the server's ids change in the markup of a turn: anchors, form fields, the pager. */
export function nameTurn(item: HTMLElement, turn: Turn, conversation: string, parent: string): void {
  item.id = `m-${turn.id}`;
  Object.assign(item.dataset, { id: turn.id, parent, siblings: turn.siblings.join(" ") });
  for (const field of item.querySelectorAll<HTMLInputElement | HTMLButtonElement>(
    "[name=message], [name=up], [name=down], [name=none], [name=resume]",
  )) {
    field.value = turn.id;
  }
  for (const form of item.querySelectorAll("form, button[formaction]")) aimAt(form, conversation);
  showPlace(item, turn, conversation);
}

/** Lets a form or button of the page act on a conversation. */
export function aimAt(target: Element, conversation: string): void {
  const name = target.matches("form") ? "action" : "formaction";
  const address = target.getAttribute(name);
  if (address) target.setAttribute(name, address.replace(/^\/c\/[^/]*\//, `/c/${conversation}/`));
}

function showPlace(item: HTMLElement, turn: Turn, conversation: string): void {
  const pager = need("[data-pager]", item);
  const place = placeOf(turn);
  pager.hidden = place.count < 2;
  need(".place", pager).textContent = `${place.number}/${place.count}`;
  for (const [rel, id] of [["prev", place.previous], ["next", place.next]] as const) {
    const link = need<HTMLAnchorElement>(`[rel=${rel}]`, pager);
    link.toggleAttribute("href", id !== null);
    if (id) link.href = `/c/${conversation}?leaf=${id}#m-${id}`;
    if (id) link.removeAttribute("aria-disabled");
    else link.setAttribute("aria-disabled", "true");
  }
}

/** An answer on the page that a run writes. */
export class AnswerView {
  readonly item: HTMLElement;
  readonly #growing: GrowingAnswer;
  readonly #words: Words;
  #sources = 0;
  #reasoning = "";
  #text = "";

  constructor(item: HTMLElement, renderer: MarkdownRenderer, words: Words, onShown: () => void) {
    this.item = item;
    this.#words = words;
    item.dataset["status"] = "streaming";
    item.setAttribute("aria-busy", "true");
    need("[data-foot]", item).hidden = true;
    this.#growing = new GrowingAnswer(need("[data-prose]", item), renderer, onShown);
  }

  /** A new answer; without a model, the default one writes it. */
  static make(renderer: MarkdownRenderer, words: Words, onShown: () => void, model = ""): AnswerView {
    const item = cloneTemplate("answer-template");
    if (model) item.dataset["byModel"] = model;
    if (model) for (const each of item.querySelectorAll("[data-by]")) each.textContent = model;
    enhanceTurns(item);
    return new AnswerView(item, renderer, words, onShown);
  }

  /** Its text as Markdown, for the clipboard. */
  get text(): string {
    return this.#text;
  }

  show(run: Run): void {
    this.#text = run.text;
    if (run.reasoning !== this.#reasoning) this.#showReasoning(run.reasoning);
    if (run.sources.length !== this.#sources) this.#showSources(run.sources);
    if (run.end) this.#growing.finish(run.text);
    else this.#growing.show(run.text);
    if (run.end) this.#finish(run.end);
  }

  /** The end without a word from the server: it could not be reached any more. */
  breakOff(): void {
    this.#growing.finish(this.#text);
    this.#finish({ status: "interrupted", cut: "", error: "" });
  }

  /** What screen readers are told of an end that is none of the answer's own. */
  get outcome(): string {
    return need("[data-outcome]", this.item).innerText;
  }

  #finish({ status, cut, error }: Pick<End, "status" | "cut" | "error">): void {
    this.item.dataset["status"] = status;
    this.item.dataset["cut"] = status === "complete" ? cut : "";
    this.item.dataset["generation"] = "";
    this.item.removeAttribute("aria-busy");
    need("[data-foot]", this.item).hidden = false;
    need("[data-fault]", this.item).textContent = this.#words.faults[error] ?? "";
  }

  #showReasoning(reasoning: string): void {
    need("[data-reasoning]", this.item).hidden = false;
    need(".reasoning-text", this.item).append(reasoning.slice(this.#reasoning.length));
    this.#reasoning = reasoning;
  }

  #showSources(sources: readonly Source[]): void {
    const list = need("[data-sources]", this.item);
    list.hidden = false;
    list.replaceChildren(...sources.map((source) => element("li", {}, sourceView(source, this.#words))));
    this.#sources = sources.length;
  }
}
