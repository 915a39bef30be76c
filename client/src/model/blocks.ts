// Cuts a growing Markdown text into blocks that can no longer change and the open rest, so that the work of
// showing it is bounded by the rest.

import type { Token } from "marked";
import { lex, type Links } from "./markdown.ts";

/** A fenced code block whose end has not come: new text is appended to it as it is. */
export interface OpenFence {
  language: string;
  text: string;
}

/** What an addition changed: blocks that are final now, and the rest, as a fence or as tokens. */
export interface Growth {
  closed: Token[];
  fence: OpenFence | null;
  open: Token[];
}

/** So much of a text that comes at once is read at a time: what is closed of it is not read again. */
const PIECE = 32_000;

const FENCE = /^(`{3,}|~{3,})[ \t]*([^\n`]*)\n/;

/** The state of one growing text. Call `append` as often as a frame, then `finish` once. */
export class Blocks {
  /** Without a prototype: `[a][constructor]` is no link to what every object inherits. */
  readonly #links = Object.create(null) as Links;
  #tail = "";
  #fence: FenceReader | null = null;
  #cut = "";

  append(text: string): Growth {
    const closed: Token[] = [];
    let size = PIECE;
    let start = 0;
    while (text.length - start > size) {
      const growth = this.#grow(text.slice(start, start + size));
      closed.push(...growth.closed);
      start += size;
      // A block that goes on through all of a piece would be read with every piece.
      size = growth.closed.length || growth.fence ? PIECE : 2 * size;
    }
    const { closed: last, fence, open } = this.#grow(text.slice(start));
    return { closed: closed.concat(last), fence, open };
  }

  #grow(text: string): Growth {
    this.#tail += this.#normalised(text);
    const closed: Token[] = [];
    for (;;) {
      this.#fence ??= FenceReader.at(this.#tail);
      if (!this.#fence) return { closed, fence: null, open: this.#close(closed) };
      const rest = this.#fence.read(this.#tail);
      if (rest === null) return { closed, fence: this.#fence.state(this.#tail), open: [] };
      closed.push(...lex(this.#tail.slice(0, rest), this.#links));
      this.#tail = this.#tail.slice(rest);
      this.#fence = null;
    }
  }

  /** Everything that was still open, as final blocks. */
  finish(): Token[] {
    const rest = this.#tail + (this.#cut && "\n");
    this.#tail = this.#cut = "";
    this.#fence = null;
    return lex(rest, this.#links);
  }

  /** Lexes the tail, moves to `closed` what is final, and returns the rest. */
  #close(closed: Token[]): Token[] {
    const tokens = lex(this.#tail, this.#links);
    const count = closedCount(tokens, this.#tail);
    const done = tokens.slice(0, count);
    closed.push(...done);
    this.#tail = this.#tail.slice(lengthOf(done));
    const open = tokens.slice(count);
    // A fence that has just begun is read line by line from the next addition on.
    return open;
  }

  /** Line ends as LF; a CR at the end waits for what follows it. */
  #normalised(text: string): string {
    const whole = this.#cut + text;
    this.#cut = whole.endsWith("\r") ? "\r" : "";
    return whole.slice(0, whole.length - this.#cut.length).replace(/\r\n?/g, "\n");
  }
}

/**
 * How many of a tail's tokens are final: those before the last block whose first line is complete.
 * An incomplete line may still become part of the block before it ("*" may begin a list or go on as emphasis).
 */
function closedCount(tokens: readonly Token[], tail: string): number {
  if (lengthOf(tokens) !== tail.length) return 0;
  const lineStart = tail.lastIndexOf("\n") + 1;
  let offset = 0;
  let last = 0;
  tokens.forEach((token, index) => {
    if (token.type !== "space" && offset < lineStart) last = index;
    offset += token.raw.length;
  });
  return last;
}

function lengthOf(tokens: readonly Token[]): number {
  return tokens.reduce((sum, token) => sum + token.raw.length, 0);
}

/** Looks for the end of a fence, reading every line once. */
class FenceReader {
  readonly #language: string;
  readonly #start: number;
  readonly #end: RegExp;
  #checked: number;

  private constructor(opening: RegExpExecArray) {
    const [line, marks = "", info = ""] = opening;
    this.#language = info.trim().split(/\s/)[0] ?? "";
    this.#start = this.#checked = line.length;
    this.#end = new RegExp(`^ {0,3}\\${marks[0]}{${marks.length},}[ \\t]*$`);
  }

  static at(tail: string): FenceReader | null {
    const opening = FENCE.exec(tail);
    return opening && new FenceReader(opening);
  }

  /** Where the text after the fence begins; null while it is open. */
  read(tail: string): number | null {
    for (;;) {
      const lineEnd = tail.indexOf("\n", this.#checked);
      if (lineEnd < 0) return null;
      const line = tail.slice(this.#checked, lineEnd);
      this.#checked = lineEnd + 1;
      if (this.#end.test(line)) return this.#checked;
    }
  }

  /** The code so far, without a line that may turn out to be the closing fence. */
  state(tail: string): OpenFence {
    const unfinished = tail.slice(this.#checked);
    const end = /^ {0,3}[`~]/.test(unfinished) ? this.#checked : tail.length;
    return { language: this.#language, text: tail.slice(this.#start, end).replace(/\n$/, "") };
  }
}
