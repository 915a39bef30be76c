// The reducer of a run: every cut and repetition of its events gives the same text; a gap is noticed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEvent, type RawEvent, type WireEvent } from "../src/model/events.ts";
import { newRun, reduce, type Run } from "../src/model/generation.ts";
import { countPoints, firstPoints } from "../src/model/points.ts";

const START: RawEvent = { id: "1", event: "start", data: '{"generation":"g","user_message":"u","answer":"a"}' };

/** The events of a run that says these pieces, with the positions that the server gives. */
function log(pieces: readonly string[], end: object = { status: "complete", length: null }): WireEvent[] {
  const events = [parseEvent(START)];
  let position = 1;
  for (const text of pieces) {
    position += countPoints(text);
    events.push(parseEvent({ id: String(position), event: "delta", data: JSON.stringify({ text }) }));
  }
  const ended = { length: countPoints(pieces.join("")), ...end };
  if (ended.length === null) ended.length = countPoints(pieces.join(""));
  events.push(parseEvent({ id: String(position + 1), event: "end", data: JSON.stringify(ended) }));
  return events;
}

function fold(events: readonly WireEvent[], from: Run = newRun()): Run {
  return events.reduce((run, event) => {
    const next = reduce(run, event);
    assert.notEqual(next, "gap");
    return next as Run;
  }, from);
}

test("events fold into text, ids and end", () => {
  const run = fold(log(["Hel", "lo 🌱", " 겨울"]));
  assert.equal(run.text, "Hello 🌱 겨울");
  assert.deepEqual([run.generation, run.userMessage, run.answer], ["g", "u", "a"]);
  assert.equal(run.end?.status, "complete");
});

test("an event that was seen before changes nothing", () => {
  const events = log(["one ", "two"]);
  const run = fold(events.slice(0, 3));
  assert.equal(fold(events.slice(0, 3), run), run);
});

test("a missing event is a gap", () => {
  const [start, , second] = log(["one ", "two"]);
  assert.equal(reduce(fold([start as WireEvent]), second as WireEvent), "gap");
});

test("a reader who saw more than was stored trims to the stored length, in code points", () => {
  const run = fold(log(["🌱🌱🌱"], { status: "interrupted", length: 2 }));
  assert.equal(run.text, "🌱🌱");
  assert.equal(run.end?.status, "interrupted");
});

test("reasoning and sources stand beside the text", () => {
  const run = fold([
    parseEvent(START),
    parseEvent({ id: "3", event: "reasoning", data: '{"text":"hm"}' }),
    parseEvent({ id: "4", event: "sources", data: '{"sources":[{"marker":1,"kind":"quote","text":"x","work":"W"}]}' }),
    parseEvent({ id: "5", event: "delta", data: '{"text":"x"}' }),
  ]);
  assert.equal(run.reasoning, "hm");
  assert.deepEqual(run.sources, [
    { marker: 1, kind: "quote", id: "", text: "x", speaker: "", work: "W", language: "", url: "" },
  ]);
  assert.equal(run.position, 5);
});

test("an unknown kind advances by one", () => {
  const run = fold([parseEvent(START), parseEvent({ id: "2", event: "novelty", data: "{}" })]);
  assert.equal(run.position, 2);
});

for (const broken of [{ id: "x" }, { data: "[" }, { data: "null" }, { event: "end", data: '{"status":"odd"}' }]) {
  test(`a broken event is refused: ${JSON.stringify(broken)}`, () => {
    assert.throws(() => parseEvent({ ...START, ...broken }), SyntaxError);
  });
}

test("code points are counted and cut as the server counts them", () => {
  const lone = "a\ud83c";
  for (const text of ["", "abc", "🌱a🌱", "겨울", "👩‍👩‍👧", lone, "\ud83cb"]) {
    assert.equal(countPoints(text), [...text].length, JSON.stringify(text));
    for (let length = 0; length <= [...text].length; length++) {
      assert.equal(firstPoints(text, length), [...text].slice(0, length).join(""));
    }
  }
});
