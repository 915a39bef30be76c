// The parts of a message, fetched a little ahead and played one after the other.

/** Where parts come from; null behind the last one. */
export type FetchPart<Part> = (number: number, signal: AbortSignal) => Promise<Part | null>;

/** Plays a part to its end; rejects with the signal's reason when it is stopped. */
export type PlayPart<Part> = (part: Part, signal: AbortSignal) => Promise<void>;

/** So many parts are asked for before their turn comes: enough for no pause, little enough to be stopped. */
const AHEAD = 1;

/** One reading of one message. */
export class SpeechQueue<Part> {
  readonly #fetch: FetchPart<Part>;
  readonly #play: PlayPart<Part>;
  readonly #stopping = new AbortController();
  readonly #coming: Promise<Part | null>[] = [];
  #asked = 0;

  constructor(fetch: FetchPart<Part>, play: PlayPart<Part>) {
    this.#fetch = fetch;
    this.#play = play;
  }

  get isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Plays everything; rejects with the first failure, after stopping what was under way. */
  async run(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      for (let number = 0; ; number++) {
        while (this.#asked <= number + AHEAD) this.#ask();
        const part = await this.#coming.shift();
        signal.throwIfAborted();
        if (part === null || part === undefined) return;
        await this.#play(part, signal);
      }
    } finally {
      this.stop();
    }
  }

  /** Ends the reading: requests under way are dropped, and with them the work at the server. */
  stop(): void {
    this.#stopping.abort();
  }

  #ask(): void {
    const part = this.#fetch(this.#asked++, this.#stopping.signal);
    part.catch(() => undefined); // it is looked at when its turn comes, if it comes
    this.#coming.push(part);
  }
}

export type Bytes = Uint8Array<ArrayBuffer>;

/** Audio while it arrives. */
export type Sound = ReadableStream<Bytes>;

/**
 * The same bytes, taken in as fast as they come, whether anybody reads them yet or not: a part that waits for its turn
 * must keep neither the voice nor the connection waiting, and a browser keeps only what was received whole.
 */
export function takenIn(sound: Sound): Sound {
  return sound.pipeThrough(new TransformStream(undefined, undefined, { highWaterMark: Infinity }));
}

/**
 * A sound in portions, as it comes. From a voice that is slower than speech (`hasGap`: all that was given is played) the
 * rest comes in one, for one pause instead of many. A fault of the sound is thrown behind all that had arrived.
 */
export async function* inPortions(sound: Sound, hasGap: () => boolean): AsyncGenerator<Bytes, void> {
  const reader = sound.getReader();
  const held: Bytes[] = [];
  let fault: unknown;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      if (held.length > 0 || hasGap()) held.push(read.value);
      else yield read.value;
    }
  } catch (error) {
    fault = error;
  }
  if (held.length > 0) yield joined(held);
  if (fault) throw fault;
}

/** Whether audio that begins so is mp3: a tag, or the mark of a frame of layer III. Servers call anything mp3. */
export function isMp3([first, second, third]: Bytes): boolean {
  if (first === 0x49) return second === 0x44 && third === 0x33;
  return first === 0xff && ((second ?? 0) & 0xe6) === 0xe2;
}

function joined(pieces: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
