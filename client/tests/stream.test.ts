// Following a run over connections that break.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem, Unreachable } from "../src/api/problem.ts";
import { followRun, type Open, type Options } from "../src/api/stream.ts";
import type { Run } from "../src/model/generation.ts";

const FRAMES = [
  'id: 1\nevent: start\ndata: {"generation":"g","user_message":"u","answer":"a"}\n\n',
  'id: 4\nevent: delta\ndata: {"text":"one"}\n\n',
  ": still here\n\n",
  'id: 8\nevent: delta\ndata: {"text":" two"}\n\n',
  'id: 9\nevent: end\ndata: {"status":"complete","length":7}\n\n',
];
const WHOLE = FRAMES.join("");
/** Where each position begins in the text of the stream. */
const OFFSETS: Record<number, number> = { 0: 0, 1: 1, 4: 2, 8: 4 };

/** What the server sends from a position on; a position inside a delta gets the rest of it. */
function from(position: number): string {
  const index = OFFSETS[position];
  assert.notEqual(index, undefined, `resumed at ${position}`);
  return FRAMES.slice(index).join("");
}

function body(text: string): Response {
  return new Response(text);
}

/** A connection that delivers some characters and then breaks. */
function broken(text: string): Response {
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
    },
    pull(controller) {
      controller.error(new TypeError("network"));
    },
  });
  return new Response(stream);
}

function options(changes: Partial<Options> = {}): Options {
  return { onRun: () => undefined, signal: new AbortController().signal, pause: () => Promise.resolve(), ...changes };
}

test("a run is followed to its end", async () => {
  const seen: string[] = [];
  const run = await followRun(() => Promise.resolve(body(WHOLE)), options({ onRun: (run) => seen.push(run.text) }));
  assert.equal(run.text, "one two");
  assert.deepEqual(seen, ["", "one", "one two", "one two"]);
});

test("a connection that breaks at any byte is resumed where the reader was", async () => {
  for (let at = 0; at < WHOLE.length; at++) {
    const positions: number[] = [];
    const open: Open = (run) => {
      positions.push(run.position);
      return Promise.resolve(positions.length === 1 ? broken(WHOLE.slice(0, at)) : body(from(run.position)));
    };
    assert.equal((await followRun(open, options())).text, "one two", `broken at ${at}`);
    assert.equal(positions.length, 2);
  }
});

test("a close without an end, a gap and garbage mean: connect again", async () => {
  for (const first of [FRAMES[0] ?? "", (FRAMES[0] ?? "") + (FRAMES[3] ?? ""), "id: x\ndata: {}\n\n"]) {
    let connections = 0;
    const open: Open = (run) => Promise.resolve(body(connections++ === 0 ? first : from(run.position)));
    assert.equal((await followRun(open, options())).text, "one two");
    assert.equal(connections, 2);
  }
});

test("an unreachable server is asked again, and the trouble is told", async () => {
  const told: boolean[] = [];
  let tries = 0;
  const open: Open = () => (tries++ < 3 ? Promise.reject(new Unreachable("down")) : Promise.resolve(body(WHOLE)));
  await followRun(open, options({ onTrouble: (isLost) => told.push(isLost) }));
  assert.deepEqual(told, [true, true, true, false]);
});

test("it is given up after many failures without progress", async () => {
  let tries = 0;
  const open: Open = () => {
    tries++;
    return Promise.reject(new Unreachable("down"));
  };
  await assert.rejects(followRun(open, options()), Unreachable);
  assert.equal(tries, 13);
});

for (const [status, tries] of [[429, 1], [400, 1], [401, 1], [503, 2]] as const) {
  test(`a refusal with ${status} is tried ${tries} times`, async () => {
    let count = 0;
    const open: Open = () => {
      if (++count > 1) return Promise.resolve(body(WHOLE));
      return Promise.reject(new Problem(status, "slug", "detail"));
    };
    if (tries === 1) await assert.rejects(followRun(open, options()), Problem);
    else assert.equal((await followRun(open, options())).text, "one two");
    assert.equal(count, tries);
  });
}

test("an abort ends it at once", async () => {
  const abort = new AbortController();
  const open: Open = () => {
    abort.abort(new Error("left"));
    return Promise.reject(new Unreachable("aborted"));
  };
  await assert.rejects(followRun(open, options({ signal: abort.signal })));
});

test("the ids are known when a send is resumed", async () => {
  const runs: Run[] = [];
  const open: Open = (run) => {
    runs.push(run);
    return Promise.resolve(body(runs.length === 1 ? (FRAMES[0] ?? "") : from(run.position)));
  };
  await followRun(open, options());
  assert.deepEqual(runs.map((run) => run.generation), ["", "g"]);
});
