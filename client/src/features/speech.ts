// Read aloud: the links beside messages become buttons that begin and stop a reading in place.

import { Problem } from "../api/problem.ts";
import type { SpeechApi } from "../api/speech.ts";
import { SpeechQueue } from "../model/speech.ts";
import { need } from "../render/dom.ts";
import { fill, type Words } from "../words.ts";

/** Listens on the thread for all its messages, present and future. */
export function startReading(thread: HTMLElement, api: SpeechApi, words: Words): void {
  const player = new Player();
  let current: { queue: SpeechQueue<Blob>; item: HTMLElement } | null = null;

  thread.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLElement>("[data-speak]");
    const item = link?.closest<HTMLElement>(".turn");
    if (!item) return;
    event.preventDefault();
    const wasThis = current?.item === item;
    stop();
    if (!wasThis && item.dataset["id"]) void read(item, item.dataset["id"]);
  });
  thread.addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    if (event.key !== " " || !target.matches("[data-speak]")) return;
    event.preventDefault(); // it says that it is a button
    target.click();
  });
  window.addEventListener("pagehide", stop);

  function stop(): void {
    current?.queue.stop();
    if (current) show(current.item, "");
    current = null;
  }

  async function read(item: HTMLElement, message: string): Promise<void> {
    player.unlock();
    const queue = new SpeechQueue<Blob>(
      (number, signal) => api.part(message, number, signal),
      (part, signal) => player.play(part, signal),
    );
    current = { queue, item };
    show(item, "waiting");
    try {
      // An answer that was replaced on the page is not read to its end.
      await queue.run(() => (item.isConnected ? show(item, "reading") : queue.stop()));
    } catch (error) {
      if (current?.queue === queue) say(reasonOf(error));
    } finally {
      if (current?.queue === queue) stop();
    }
  }

  function reasonOf(error: unknown): string {
    const reason = error instanceof Problem ? error.message : words.lost;
    return fill(words.notRead, { reason });
  }
}

/** What the reading is doing, on its button; other programs see it as `data-reading` of the message. */
function show(item: HTMLElement, state: "" | "waiting" | "reading"): void {
  const button = need("[data-speak]", item);
  button.setAttribute("role", "button"); // without a program it is a link to the audio
  item.dataset["reading"] = state;
  if (state) button.setAttribute("aria-pressed", "true");
  else button.removeAttribute("aria-pressed");
  if (state === "waiting") button.setAttribute("aria-busy", "true");
  else button.removeAttribute("aria-busy");
}

function say(text: string): void {
  const notice = need("#composer-notice");
  notice.textContent = text;
  notice.hidden = text === "";
}

/** One audio element for everything: what a tap has allowed to play once may play again, also on phones. */
class Player {
  readonly #audio = new Audio();

  /** Call it in the event of the tap itself. */
  unlock(): void {
    this.#audio.src = URL.createObjectURL(silence());
    this.#audio.play().catch(() => undefined); // where it is not allowed, the first part says so
  }

  async play(part: Blob, signal: AbortSignal): Promise<void> {
    const url = URL.createObjectURL(part);
    try {
      await this.#toEnd(url, signal);
    } finally {
      this.#audio.pause();
      URL.revokeObjectURL(url);
    }
  }

  #toEnd(url: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const over = new AbortController();
      const settle = (deed: () => void) => () => (over.abort(), deed());
      const options = { signal: over.signal };
      this.#audio.addEventListener("ended", settle(resolve), options);
      this.#audio.addEventListener("error", settle(() => reject(new Error("the audio cannot be played"))), options);
      signal.addEventListener("abort", settle(() => reject(signal.reason as Error)), options);
      this.#audio.src = url;
      this.#audio.play().catch(settle(() => reject(new Error("playing is not allowed"))));
    });
  }
}

/** A tenth of a second of nothing, as wav: 8-bit samples, whose middle is 128. */
function silence(): Blob {
  const bytes = new Uint8Array(44 + 800).fill(128, 44);
  const view = new DataView(bytes.buffer);
  const write = (at: number, text: string) => [...text].forEach((letter, index) => (bytes[at + index] = letter.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 836, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 8_000, true);
  view.setUint32(28, 8_000, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  write(36, "data");
  view.setUint32(40, 800, true);
  return new Blob([bytes], { type: "audio/wav" });
}
