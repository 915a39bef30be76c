// The branch on the screen: siblings, places, branching.

import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf, Thread, type Turn } from "../src/model/thread.ts";

const question: Turn = { id: "q", role: "user", siblings: ["q"] };
const answer: Turn = { id: "a1", role: "assistant", siblings: ["a1"] };

test("a new exchange stands at the end", () => {
  const thread = new Thread([question, answer]).append("q2", "user").append("a2", "assistant");
  assert.deepEqual(thread.turns.map((turn) => turn.id), ["q", "a1", "q2", "a2"]);
  assert.equal(thread.leaf?.id, "a2");
});

test("another answer replaces the first and all that followed, and knows its sibling", () => {
  const thread = new Thread([question, answer]).append("q2", "user").branch("a1", "b1");
  assert.deepEqual(thread.turns.map((turn) => turn.id), ["q", "b1"]);
  const shown = thread.leaf as Turn;
  assert.deepEqual(placeOf(shown), { number: 2, count: 2, previous: "a1", next: null });
});

test("a branch from an older sibling goes to the end of the siblings", () => {
  const middle: Turn = { id: "a2", role: "assistant", siblings: ["a1", "a2", "a3"] };
  assert.deepEqual(placeOf(middle), { number: 2, count: 3, previous: "a1", next: "a3" });
  const thread = new Thread([question, middle]).branch("a2", "a4");
  assert.deepEqual(placeOf(thread.leaf as Turn), { number: 4, count: 4, previous: "a3", next: null });
});

test("a branch of something that is not here changes nothing", () => {
  const thread = new Thread([question]);
  assert.equal(thread.branch("elsewhere", "x"), thread);
});

test("earlier messages come in front, once", () => {
  const thread = new Thread([answer]).prepend([question, answer]);
  assert.deepEqual(thread.turns.map((turn) => turn.id), ["q", "a1"]);
});
