// What was typed and not sent, kept for each conversation and user: it survives a reload and an expired session.

const PREFIX = "tertulia:draft";
/** Drafts of this many days ago are forgotten. */
const KEPT_DAYS = 30;
const DAY = 86_400_000;

export type Clock = () => number;

/** The drafts of one user. Storage may be absent or full: then a draft simply is not kept. */
export class Drafts {
  readonly #storage: Storage | null;
  readonly #user: string;
  readonly #now: Clock;

  constructor(storage: Storage | null, user: string, now: Clock = Date.now) {
    this.#storage = storage;
    this.#user = user;
    this.#now = now;
  }

  /** `conversation` is empty for a new one. */
  read(conversation: string): string {
    const record = this.#record(this.#key(conversation));
    return record?.text ?? "";
  }

  write(conversation: string, text: string): void {
    const key = this.#key(conversation);
    try {
      if (text.trim()) this.#storage?.setItem(key, JSON.stringify({ text, at: this.#now() }));
      else this.#storage?.removeItem(key);
    } catch {
      // Full or forbidden: typing goes on.
    }
  }

  /** Removes drafts that are too old, and on a shared browser those of other users. */
  sweep(): void {
    for (const key of this.#keys()) {
      const record = this.#record(key);
      const mine = key.startsWith(`${PREFIX}:${this.#user}:`);
      if (!mine || !record || this.#now() - record.at > KEPT_DAYS * DAY) this.#storage?.removeItem(key);
    }
  }

  /** Removes all drafts: somebody signs out. */
  clear(): void {
    for (const key of this.#keys()) this.#storage?.removeItem(key);
  }

  #key(conversation: string): string {
    return `${PREFIX}:${this.#user}:${conversation}`;
  }

  #keys(): string[] {
    const count = this.#storage?.length ?? 0;
    const keys = Array.from({ length: count }, (_, index) => this.#storage?.key(index) ?? "");
    return keys.filter((key) => key.startsWith(PREFIX));
  }

  #record(key: string): { text: string; at: number } | null {
    try {
      const value: unknown = JSON.parse(this.#storage?.getItem(key) ?? "null");
      const record = value as { text?: unknown; at?: unknown } | null;
      if (typeof record?.text === "string" && typeof record.at === "number") return { text: record.text, at: record.at };
    } catch {
      // Not ours, or damaged.
    }
    return null;
  }
}
