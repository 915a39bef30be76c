// The decoder of server-sent events, with its input cut at every place.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SseDecoder } from "../src/api/sse.ts";
import type { RawEvent } from "../src/model/events.ts";

const STREAM = [
  ": a comment\n\n",
  "id: 1\nevent: start\ndata: {}\n\n",
  "id:2\r\nevent:delta\r\ndata: two\r\ndata:  lines\r\n\r\n",
  "event: delta\rdata: \u2028 겨울\r\r",
  "unknown: x\ndata\n\n",
  "event: nothing\n\n",
  "data: unfinished\n",
].join("");

const EVENTS: RawEvent[] = [
  { id: "1", event: "start", data: "{}" },
  { id: "2", event: "delta", data: "two\n lines" },
  { id: "2", event: "delta", data: "\u2028 겨울" },
  { id: "2", event: "message", data: "" },
];

function decode(pieces: readonly string[]): RawEvent[] {
  const decoder = new SseDecoder();
  return pieces.flatMap((piece) => decoder.push(piece));
}

test("the whole stream at once", () => {
  assert.deepEqual(decode([STREAM]), EVENTS);
});

test("every split in two", () => {
  for (let at = 0; at <= STREAM.length; at++) {
    assert.deepEqual(decode([STREAM.slice(0, at), STREAM.slice(at)]), EVENTS, `split at ${at}`);
  }
});

test("one character at a time", () => {
  assert.deepEqual(decode([...STREAM]), EVENTS);
});
