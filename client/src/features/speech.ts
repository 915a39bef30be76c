// Read aloud: the links beside messages become buttons that begin and stop a reading in place.

import { Problem, Unreachable } from "../api/problem.ts";
import type { SpeechApi } from "../api/speech.ts";
import { type Sound, SpeechQueue } from "../model/speech.ts";
import { need } from "../render/dom.ts";
import { Player, Unplayable } from "../render/player.ts";
import { fill, type Words } from "../words.ts";

type State = "" | "waiting" | "reading";

/** Listens on the thread for all its messages, present and future; returns how a reading is ended from elsewhere. */
export function startReading(thread: HTMLElement, api: SpeechApi, words: Words): () => void {
  const reading = new Reading(thread, api, words);
  thread.addEventListener("click", (event) => {
    const item = (event.target as Element).closest("[data-speak]")?.closest<HTMLElement>(".turn");
    if (!item) return;
    event.preventDefault();
    reading.toggle(item.dataset["id"] ?? "");
  });
  thread.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.key !== " " || !target.matches("[data-speak]")) return;
    event.preventDefault(); // it says that it is a button
    target.click();
  });
  window.addEventListener("pagehide", () => reading.stop());
  return () => reading.stop();
}

/** At most one message is read at a time, in all tabs together. */
class Reading {
  readonly #thread: HTMLElement;
  readonly #api: SpeechApi;
  readonly #words: Words;
  readonly #player = new Player();
  readonly #others = "BroadcastChannel" in window ? new BroadcastChannel("tertulia-reading") : null;
  #queue: SpeechQueue<Sound> | null = null;
  #message = "";
  #state: State = "";
  #said = "";

  constructor(thread: HTMLElement, api: SpeechApi, words: Words) {
    this.#thread = thread;
    this.#api = api;
    this.#words = words;
    this.#others?.addEventListener("message", () => this.stop());
    // The thread is replaced when another tab wrote to it, and an answer when it is asked for anew.
    new MutationObserver(() => this.#keepUp()).observe(thread, { childList: true });
  }

  /** Begins to read a message, or stops if it is being read. */
  toggle(message: string): void {
    const isThis = message === this.#message;
    this.stop();
    if (message && !isThis) void this.#read(message);
  }

  stop(): void {
    if (!this.#queue) return;
    this.#queue.stop();
    this.#show("");
    this.#queue = null;
    this.#message = "";
  }

  async #read(message: string): Promise<void> {
    this.#player.unlock();
    this.#others?.postMessage("");
    const queue: SpeechQueue<Sound> = new SpeechQueue(
      (number, signal) => this.#api.part(message, number, signal),
      (part, signal) => this.#player.play(part, signal, () => this.#show("reading")),
    );
    this.#queue = queue;
    this.#message = message;
    this.#say("");
    this.#show("waiting");
    try {
      await queue.run();
    } catch (error) {
      if (this.#queue === queue) this.#say(fill(this.#words.notRead, { reason: this.#reasonOf(error) }));
    } finally {
      if (this.#queue === queue) this.stop();
    }
  }

  #keepUp(): void {
    if (!this.#message) return;
    if (this.#item()) this.#show(this.#state);
    else this.stop();
  }

  #item(): HTMLElement | null {
    return this.#thread.querySelector(`.turn[data-id="${CSS.escape(this.#message)}"]`);
  }

  #show(state: State): void {
    this.#state = state;
    const item = this.#item();
    if (item) show(item, state);
  }

  /** Takes back what it said itself, nothing else. */
  #say(text: string): void {
    const notice = need("#composer-notice");
    if (!text && notice.textContent !== this.#said) return;
    this.#said = text;
    notice.textContent = text;
    notice.hidden = text === "";
  }

  #reasonOf(error: unknown): string {
    if (error instanceof Problem) return error.message;
    if (error instanceof Unplayable) return this.#words[error.word];
    return error instanceof Unreachable ? this.#words.unreachable : this.#words.soundLost;
  }
}

/** What the reading is doing, on its button; other programs see it as `data-reading` of the message. */
function show(item: HTMLElement, state: State): void {
  const button = need("[data-speak]", item);
  button.setAttribute("role", "button"); // without a program it is a link to the audio
  item.dataset["reading"] = state;
  if (state) button.setAttribute("aria-pressed", "true");
  else button.removeAttribute("aria-pressed");
  if (state === "waiting") button.setAttribute("aria-busy", "true");
  else button.removeAttribute("aria-busy");
}
