// Decodes a stream of server-sent events (WHATWG HTML §9.2) from text cut anywhere.

import type { RawEvent } from "../model/events.ts";

/** Feed it what arrives; it returns the events that are complete. */
export class SseDecoder {
  #rest = "";
  #skipLineFeed = false;
  #event = "";
  #data: string[] = [];
  #id = "";

  push(chunk: string): RawEvent[] {
    const found: RawEvent[] = [];
    let text = chunk;
    if (this.#skipLineFeed && text) {
      // The second half of a CR LF that was cut in two.
      if (text.startsWith("\n")) text = text.slice(1);
      this.#skipLineFeed = false;
    }
    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#skipLineFeed = text.endsWith("\r");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.#line(line);
      if (event) found.push(event);
    }
    return found;
  }

  #line(line: string): RawEvent | null {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    return null;
  }

  #dispatch(): RawEvent | null {
    const complete = this.#data.length
      ? { id: this.#id, event: this.#event || "message", data: this.#data.join("\n") }
      : null;
    this.#event = "";
    this.#data = [];
    return complete;
  }
}
