// Drafts that survive, and the key that sends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Drafts } from "../src/model/draft.ts";
import { sends, type Key } from "../src/model/keys.ts";

class MemoryStorage implements Storage {
  readonly #items = new Map<string, string>();
  full = false;

  get length(): number {
    return this.#items.size;
  }
  key(index: number): string | null {
    return [...this.#items.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    if (this.full) throw new DOMException("full", "QuotaExceededError");
    this.#items.set(key, value);
  }
  removeItem(key: string): void {
    this.#items.delete(key);
  }
  clear(): void {
    this.#items.clear();
  }
}

test("a draft is kept for its conversation and user", () => {
  const storage = new MemoryStorage();
  const drafts = new Drafts(storage, "alice");
  drafts.write("c1", "half a thou");
  assert.equal(new Drafts(storage, "alice").read("c1"), "half a thou");
  assert.equal(drafts.read("c2"), "");
  assert.equal(new Drafts(storage, "bob").read("c1"), "");
});

test("an emptied draft leaves nothing", () => {
  const storage = new MemoryStorage();
  const drafts = new Drafts(storage, "alice");
  drafts.write("c1", "x");
  drafts.write("c1", "  ");
  assert.equal(storage.length, 0);
});

test("old, foreign and damaged drafts are swept away", () => {
  const storage = new MemoryStorage();
  let now = 0;
  const drafts = new Drafts(storage, "alice", () => now);
  drafts.write("old", "x");
  now = 31 * 86_400_000;
  drafts.write("new", "y");
  new Drafts(storage, "bob", () => now).write("c", "z");
  storage.setItem("tertulia:draft:alice:odd", "{");
  storage.setItem("other", "stays");
  drafts.sweep();
  assert.deepEqual([drafts.read("new"), storage.length], ["y", 2]);
  drafts.clear();
  assert.equal(storage.getItem("other"), "stays");
});

test("a storage that is absent or full stops nobody", () => {
  const storage = new MemoryStorage();
  storage.full = true;
  new Drafts(storage, "alice").write("c", "x");
  const none = new Drafts(null, "alice");
  none.write("c", "x");
  none.sweep();
  assert.equal(none.read("c"), "");
});

const ENTER: Key = {
  key: "Enter", keyCode: 13, isComposing: false, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false,
}; // prettier-ignore

const CASES: [string, Partial<Key>, boolean][] = [
  ["Enter", {}, true],
  ["Ctrl+Enter", { ctrlKey: true }, true],
  ["Cmd+Enter", { metaKey: true }, true],
  ["Shift+Enter", { shiftKey: true }, false],
  ["Alt+Enter", { altKey: true }, false],
  ["Enter that ends a composition", { isComposing: true }, false],
  ["Enter of an input method in Safari", { keyCode: 229 }, false],
  ["another key", { key: "a", keyCode: 65 }, false],
];

for (const [name, change, expected] of CASES) {
  test(`${name} ${expected ? "sends" : "does not send"}`, () => {
    assert.equal(sends({ ...ENTER, ...change }), expected);
  });
}
