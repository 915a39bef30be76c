// Dictate: the microphone beside the composer. What was said lands in the field, to be read before it is sent.

import { Problem } from "../api/problem.ts";
import type { SpeechApi } from "../api/speech.ts";
import { clockOf, type Deed, type Dictation, type Happening, IDLE, levelOf, next } from "../model/dictation.ts";
import { need } from "../render/dom.ts";
import { fill, type Words } from "../words.ts";

const KINDS = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];
/** Bits per second: as good as speech gets, and ten minutes are 2.4 MB. */
const BITS = 32_000;
/** So many seconds before the server's limit a recording ends: clocks and timers of a browser are not exact. */
const MARGIN = 2;
/** What is shorter, in seconds, was a slip of the finger: some browsers have not written a sample by then. */
const SHORTEST = 0.3;

/** Makes the button work where the page has one; `onBegin` is called before the microphone is asked for. */
export function startDictation(api: SpeechApi, words: Words, onBegin: () => void): void {
  const button = document.querySelector<HTMLButtonElement>("#dictate");
  if (button) new Dictating(button, api, words, onBegin).start();
}

class Dictating {
  readonly #button: HTMLButtonElement;
  readonly #api: SpeechApi;
  readonly #words: Words;
  readonly #onBegin: () => void;
  readonly #bar = need("#dictation");
  readonly #meter = need<HTMLMeterElement>("#dictation meter");
  readonly #clock = need("#dictation [data-clock]");
  readonly #field = need<HTMLTextAreaElement>("#content");
  readonly #longest: number;
  #now: Dictation = IDLE;
  #recording: Recording | null = null;
  #request: AbortController | null = null;

  constructor(button: HTMLButtonElement, api: SpeechApi, words: Words, onBegin: () => void) {
    this.#button = button;
    this.#api = api;
    this.#words = words;
    this.#onBegin = onBegin;
    this.#longest = Number(button.dataset["seconds"]) - MARGIN;
  }

  start(): void {
    this.#button.hidden = false;
    this.#button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.#button.setPointerCapture(event.pointerId);
      this.#happen({ kind: "press", at: event.timeStamp });
    });
    for (const name of ["pointerup", "pointercancel"] as const) {
      this.#button.addEventListener(name, (event) => this.#happen({ kind: "release", at: event.timeStamp }));
    }
    this.#button.addEventListener("click", (event) => {
      if (event.detail !== 0) return; // a pointer's click was a press already
      this.#happen({ kind: "press", at: event.timeStamp });
      this.#happen({ kind: "release", at: event.timeStamp });
    });
    this.#button.addEventListener("contextmenu", (event) => event.preventDefault()); // holding on a phone
    need("[data-dictation-cancel]").addEventListener("click", () => this.#happen({ kind: "cancel" }));
    window.addEventListener("pagehide", () => this.#happen({ kind: "cancel" }));
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.key !== "Escape" || this.#now.state === "idle") return;
        event.preventDefault(); // nor does it stop an answer
        this.#happen({ kind: "cancel" });
      },
      { capture: true },
    );
  }

  #happen(happening: Happening): void {
    const [now, deed] = next(this.#now, happening);
    this.#now = now;
    this.#show();
    this.#do(deed);
  }

  #do(deed: Deed): void {
    if (deed === "open") void this.#open();
    else if (deed === "record") this.#recording?.begin();
    else if (deed === "send") void this.#send();
    else if (deed === "discard") this.#discard();
  }

  async #open(): Promise<void> {
    this.#say("");
    this.#onBegin();
    try {
      const recording = await Recording.open({
        onLevel: (level, seconds) => this.#showLevel(level, seconds),
        onLost: () => this.#happen({ kind: "full" }),
      });
      // Given up meanwhile; or given up and asked for again, and the first answer served the second wish.
      if (this.#now.state !== "asking") return recording.drop();
      this.#recording = recording;
      this.#happen({ kind: "granted", at: performance.now() });
    } catch (error) {
      if (this.#now.state !== "asking") return;
      this.#happen({ kind: "refused" });
      this.#say(this.#whyNot(error));
    }
  }

  async #send(): Promise<void> {
    const recording = this.#recording;
    this.#recording = null;
    const request = (this.#request = new AbortController());
    try {
      const audio = await recording?.end();
      const text = audio ? await this.#api.transcribe(audio, document.documentElement.lang, request.signal) : "";
      if (request.signal.aborted) return;
      if (text) this.#insert(text);
      else this.#say(this.#words.nothingHeard);
    } catch (error) {
      if (!request.signal.aborted) this.#say(this.#failure(error));
    } finally {
      if (!request.signal.aborted) this.#happen({ kind: "written" });
    }
  }

  #discard(): void {
    this.#recording?.drop();
    this.#recording = null;
    this.#request?.abort();
    this.#request = null;
  }

  /** At the cursor, as if it had been typed: the draft is kept and the field grows. */
  #insert(text: string): void {
    const { value, selectionStart, selectionEnd } = this.#field;
    const before = value.slice(0, selectionStart);
    const space = before && !/\s$/.test(before) ? " " : "";
    this.#field.setRangeText(space + text, selectionStart, selectionEnd, "end");
    this.#field.dispatchEvent(new Event("input", { bubbles: true }));
    this.#field.focus({ preventScroll: true });
  }

  #show(): void {
    const { state } = this.#now;
    this.#bar.hidden = state === "idle";
    this.#bar.dataset["state"] = state;
    this.#button.setAttribute("aria-pressed", String(state === "recording"));
    if (state !== "recording") this.#showLevel(0, 0);
  }

  #showLevel(level: number, seconds: number): void {
    this.#meter.value = level;
    this.#clock.textContent = clockOf(seconds);
    if (seconds >= this.#longest) this.#happen({ kind: "full" });
  }

  #say(text: string): void {
    const notice = need("#composer-notice");
    notice.textContent = text;
    notice.hidden = text === "";
  }

  #whyNot(error: unknown): string {
    if (!window.isSecureContext) return this.#words.microphoneInsecure;
    const name = error instanceof DOMException ? error.name : "";
    if (name === "NotAllowedError" || name === "SecurityError") return this.#words.microphoneDenied;
    if (name === "NotReadableError" || name === "AbortError") return this.#words.microphoneBusy;
    return this.#words.microphoneMissing;
  }

  #failure(error: unknown): string {
    const reason = error instanceof Problem ? error.message : this.#words.unreachable;
    return fill(this.#words.notWrittenDown, { reason });
  }
}

interface Watcher {
  /** Loudness from 0 to 1, and how many seconds there are. */
  onLevel: (level: number, seconds: number) => void;
  /** The microphone has gone, in the middle of a recording: there will be no more than this. */
  onLost: () => void;
}

/** An open microphone; its tracks are ended with the recording, so that the browser's sign goes out. */
class Recording {
  readonly #stream: MediaStream;
  readonly #recorder: MediaRecorder;
  readonly #context = new AudioContext();
  readonly #analyser = this.#context.createAnalyser();
  readonly #watcher: Watcher;
  readonly #chunks: Blob[] = [];
  readonly #stopped: Promise<void>;
  #begun = 0;
  #isOver = false;

  private constructor(stream: MediaStream, watcher: Watcher) {
    this.#stream = stream;
    this.#watcher = watcher;
    const kind = KINDS.find((each) => MediaRecorder.isTypeSupported(each));
    this.#recorder = new MediaRecorder(stream, { audioBitsPerSecond: BITS, ...(kind ? { mimeType: kind } : {}) });
    this.#recorder.addEventListener("dataavailable", (event) => this.#chunks.push(event.data));
    // It also stops by itself: when the microphone is pulled out, or taken back in the browser.
    this.#stopped = new Promise((resolve) => this.#recorder.addEventListener("stop", () => resolve(), { once: true }));
    void this.#stopped.then(() => this.#isOver || watcher.onLost());
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
  }

  /** Asks for the microphone; rejects with the browser's reason. */
  static async open(watcher: Watcher): Promise<Recording> {
    const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    try {
      return new Recording(stream, watcher);
    } catch (error) {
      endTracks(stream);
      throw error;
    }
  }

  begin(): void {
    this.#begun = performance.now();
    this.#recorder.start();
    this.#watchLevel(new Float32Array(this.#analyser.fftSize));
  }

  /** What was recorded; null where that is nothing. */
  async end(): Promise<Blob | null> {
    const isNothing = this.#seconds < SHORTEST;
    this.#isOver = true;
    if (this.#recorder.state !== "inactive") this.#recorder.stop();
    await this.#stopped;
    this.drop();
    const audio = new Blob(this.#chunks, { type: this.#recorder.mimeType });
    return isNothing || audio.size === 0 ? null : audio;
  }

  drop(): void {
    this.#isOver = true;
    endTracks(this.#stream);
    if (this.#context.state !== "closed") void this.#context.close();
  }

  get #seconds(): number {
    return (performance.now() - this.#begun) / 1_000;
  }

  #watchLevel(samples: Float32Array<ArrayBuffer>): void {
    if (this.#isOver) return;
    this.#analyser.getFloatTimeDomainData(samples);
    this.#watcher.onLevel(levelOf(samples), this.#seconds);
    setTimeout(() => this.#watchLevel(samples), 80);
  }
}

function endTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
