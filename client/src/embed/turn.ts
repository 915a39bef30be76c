// A message in the chat on a foreign page.

import type { Ending, Source } from "../model/events.ts";
import type { Run } from "../model/generation.ts";
import { GrowingAnswer } from "../render/answer.ts";
import { element } from "../render/dom.ts";
import type { MarkdownRenderer } from "../render/markdown.ts";
import type { EmbedWords } from "./words.ts";

/** A message as the API gives it. */
export interface Message {
  id: string;
  parent: string | null;
  role: "user" | "assistant" | "system";
  content: string;
  status: Ending | "streaming";
  model: string;
  sources: readonly Source[];
}

/** The user's words. */
export function wordsOf(content: string, words: EmbedWords): HTMLElement {
  const heading = element("h2", { class: "sr" }, words.you);
  return element("li", { class: "turn words" }, heading, element("div", { class: "bubble", dir: "auto" }, content));
}

export interface AnswerDeeds {
  again: (answer: string) => void;
  resume: () => void;
}

/** An answer: growing, or as it was stored. */
export class Answer {
  readonly item: HTMLElement;
  readonly #prose = element("div", { class: "prose", dir: "auto" });
  readonly #reasoning = element("div", { class: "reasoning-text", dir: "auto" });
  readonly #thoughts: HTMLElement;
  readonly #sources = element("ol", { class: "sources" });
  readonly #outcome = element("p", { class: "outcome" });
  readonly #by = element("span", { class: "by" });
  readonly #growing: GrowingAnswer;
  readonly #words: EmbedWords;
  readonly #deeds: AnswerDeeds;
  id = "";

  /** `speaker` is the name of who answers. */
  constructor(
    speaker: string,
    renderer: MarkdownRenderer,
    words: EmbedWords,
    deeds: AnswerDeeds,
    onShown: () => void,
  ) {
    this.#words = words;
    this.#deeds = deeds;
    this.#thoughts = element("details", {}, element("summary", {}, words.thoughts), this.#reasoning);
    this.#thoughts.hidden = this.#sources.hidden = this.#outcome.hidden = true;
    this.#sources.setAttribute("aria-label", words.sources);
    const heading = element("h2", { class: "byline" }, `${speaker} `, this.#by);
    const parts = [heading, this.#thoughts, this.#prose, this.#sources, this.#outcome];
    this.item = element("li", { class: "turn answer", "aria-busy": "true" }, ...parts);
    this.item.dataset["status"] = "streaming";
    this.#growing = new GrowingAnswer(this.#prose, renderer, onShown);
  }

  /** Shows a stored answer. */
  store(message: Message): void {
    this.id = message.id;
    this.#by.textContent = message.model;
    this.#cite(message.sources ?? []);
    if (message.status === "streaming") return;
    this.#growing.finish(message.content);
    this.#finish(message.status, "");
  }

  /** Shows words that no run has written. */
  greet(text: string): void {
    this.#growing.finish(text);
    this.#finish("complete", "");
  }

  show(run: Run): void {
    this.id = run.answer || this.id;
    if (run.reasoning) {
      this.#thoughts.hidden = false;
      this.#reasoning.textContent = run.reasoning;
    }
    this.#cite(run.sources);
    if (!run.end) return this.#growing.show(run.text);
    this.#growing.finish(run.text);
    this.#finish(run.end.status, run.end.error);
  }

  /** The end without a word from the server. */
  breakOff(text: string): void {
    this.#growing.finish(text);
    this.#finish("interrupted", "");
  }

  #finish(status: Ending, error: string): void {
    const words = this.#words;
    this.item.removeAttribute("aria-busy");
    this.item.dataset["status"] = status;
    if (status === "complete") return;
    const said = { stopped: words.stoppedAnswer, interrupted: words.interrupted, failed: words.faults[error] ?? words.failed };
    const button = element("button", { type: "button", class: "quiet" }, status === "failed" ? words.again : words.resumeAnswer);
    button.addEventListener("click", () => (status === "failed" ? this.#deeds.again(this.id) : this.#deeds.resume()));
    this.#outcome.replaceChildren(`${said[status]} `, button);
    this.#outcome.hidden = false;
  }

  #cite(sources: readonly Source[]): void {
    if (sources.length === this.#sources.childElementCount) return;
    this.#sources.hidden = false;
    this.#sources.replaceChildren(
      ...sources.map((source) => {
        const place = [source.work, source.speaker].filter(Boolean).join(" · ") || this.#words.yourWords;
        return element("li", { class: "chip" }, element("b", {}, String(source.marker)), ` ${place}`);
      }),
    );
  }
}
