// Plays audio while it arrives where the browser can (MediaSource with mp3), elsewhere when it has arrived, as on phones
// of Apple. `speech` is its caller.

import { type Bytes, inPortions, isMp3, type Sound } from "../model/speech.ts";

const MP3 = "audio/mpeg";
/** So many seconds of a sound must be there before it begins: voices do not send evenly. */
const LEAD = 0.3;

type Portions = AsyncGenerator<Bytes, void>;

/** Why nothing is heard, as a word of the page's. */
export class Unplayable extends Error {
  readonly word: "soundForbidden" | "soundUnplayable";

  constructor(word: "soundForbidden" | "soundUnplayable") {
    super(word);
    this.word = word;
  }
}

/** One audio element for everything: what a tap has allowed to play once may play again, also on phones. */
export class Player {
  readonly #audio = new Audio();
  readonly #silence = URL.createObjectURL(silence());

  /** Call it in the event of the tap itself. */
  unlock(): void {
    this.#audio.src = this.#silence;
    this.#audio.play().catch(() => undefined); // where it is not allowed, the first part says so
  }

  /**
   * Plays a sound to its end; `onHeard` is called when it begins. Rejects with the signal's reason when it is stopped,
   * with Unplayable, and with a fault of the sound, behind what was heard of it by then.
   */
  async play(sound: Sound, signal: AbortSignal, onHeard: () => void): Promise<void> {
    let isHeard = false;
    const portions = inPortions(sound, () => isHeard && this.#hasGap());
    const { value: first } = await portions.next();
    if (!first) return;
    const source = canStream(first) ? new MediaSource() : null;
    const url = URL.createObjectURL(source ?? (await wholeOf(first, portions)));
    try {
      signal.throwIfAborted();
      const { ended, begin } = this.#load(url, signal, () => (isHeard = true, onHeard()));
      const fed = source ? feed(source, first, portions, begin) : Promise.resolve(begin());
      fed.catch(() => undefined); // looked at when what had arrived was heard
      await ended;
      await fed;
    } finally {
      this.#audio.pause();
      URL.revokeObjectURL(url);
    }
  }

  /** Nothing is heard before `begin` is called; `ended` settles with the sound's end, its failure, or the signal. */
  #load(url: string, signal: AbortSignal, onHeard: () => void): { ended: Promise<void>; begin: () => void } {
    let begin = (): void => undefined;
    const ended = new Promise<void>((resolve, reject) => {
      const over = new AbortController();
      const settle = (deed: () => void) => () => (over.abort(), deed());
      const options = { signal: over.signal };
      this.#audio.addEventListener("playing", onHeard, { ...options, once: true });
      this.#audio.addEventListener("ended", settle(resolve), options);
      this.#audio.addEventListener("error", settle(() => reject(new Unplayable("soundUnplayable"))), options);
      signal.addEventListener("abort", settle(() => reject(signal.reason as Error)), options);
      begin = () => {
        if (over.signal.aborted) return; // stopped before there was enough to begin with
        this.#audio.play().catch((error: unknown) => settle(() => reject(reasonOf(error)))());
      };
    });
    this.#audio.src = url;
    return { ended, begin };
  }

  /** Whether everything that was given has been played, and no end was told. */
  #hasGap(): boolean {
    return this.#audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
  }
}

function reasonOf(error: unknown): Unplayable {
  const isForbidden = error instanceof DOMException && error.name === "NotAllowedError";
  return new Unplayable(isForbidden ? "soundForbidden" : "soundUnplayable");
}

function canStream(beginning: Bytes): boolean {
  return isMp3(beginning) && "MediaSource" in window && MediaSource.isTypeSupported(MP3);
}

/** Hands the portions over one by one; what could not be had is thrown behind the end of what there is. */
async function feed(source: MediaSource, first: Bytes, portions: Portions, begin: () => void): Promise<void> {
  await happening(source, "sourceopen");
  const buffer = source.addSourceBuffer(MP3);
  let hasBegun = false;
  try {
    for (let portion: Bytes | void = first; portion; portion = (await portions.next()).value) {
      if ((await append(buffer, portion)) < LEAD || hasBegun) continue;
      hasBegun = true;
      begin();
    }
  } finally {
    if (source.readyState === "open") source.endOfStream();
    if (!hasBegun) begin();
  }
}

/** How many seconds there are then. */
async function append(buffer: SourceBuffer, portion: Bytes): Promise<number> {
  const taken = happening(buffer, "updateend");
  buffer.appendBuffer(portion);
  await taken;
  return buffer.buffered.length > 0 ? buffer.buffered.end(0) : 0;
}

async function wholeOf(first: Bytes, portions: Portions): Promise<Blob> {
  const pieces = [first];
  for await (const portion of portions) pieces.push(portion);
  return new Blob(pieces, { type: MP3 });
}

function happening(target: EventTarget, name: string): Promise<unknown> {
  return new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));
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
