// Counts the files of a zip archive while it arrives (APPNOTE.TXT 4.3.7): each begins with the same four bytes.

const HEADER = [0x50, 0x4b, 0x03, 0x04] as const;

/** How many files have begun in the bytes seen so far; a header may be cut by the end of a piece. */
export class FileCounter {
  count = 0;
  #matched = 0;

  add(piece: Uint8Array): void {
    for (const byte of piece) {
      if (byte === HEADER[this.#matched]) this.#matched += 1;
      else this.#matched = byte === HEADER[0] ? 1 : 0;
      if (this.#matched < HEADER.length) continue;
      this.count += 1;
      this.#matched = 0;
    }
  }
}
