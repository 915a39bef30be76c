import assert from "node:assert/strict";
import { test } from "node:test";

import { FileCounter } from "../src/model/archive.ts";

const FILE = [0x50, 0x4b, 0x03, 0x04];

function counted(...pieces: number[][]): number {
  const counter = new FileCounter();
  for (const piece of pieces) counter.add(Uint8Array.from(piece));
  return counter.count;
}

test("every file is counted once, wherever the pieces are cut", () => {
  const bytes = [1, ...FILE, 2, 0x50, ...FILE, 0x50, 0x4b, 0x01, 0x02, ...FILE];
  for (let cut = 0; cut <= bytes.length; cut++) assert.equal(counted(bytes.slice(0, cut), bytes.slice(cut)), 3);
  assert.equal(counted(...bytes.map((byte) => [byte])), 3);
});

test("what is no file is not counted", () => {
  assert.equal(counted([0x50, 0x4b, 0x05, 0x06], [0x50, 0x4b], [0x50, 0x03, 0x04]), 0);
});
