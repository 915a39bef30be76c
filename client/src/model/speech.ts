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
  async run(onPart: (number: number) => void = () => undefined): Promise<void> {
    const { signal } = this.#stopping;
    try {
      for (let number = 0; ; number++) {
        while (this.#asked <= number + AHEAD) this.#ask();
        const part = await this.#coming.shift();
        signal.throwIfAborted();
        if (part === null || part === undefined) return;
        onPart(number);
        signal.throwIfAborted();
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
