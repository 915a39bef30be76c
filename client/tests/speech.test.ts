// The order of what is read aloud, and what the microphone button does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clockOf, HOLD_MS, IDLE, levelOf, next, type Dictation, type Happening } from "../src/model/dictation.ts";
import { type Bytes, inPortions, isMp3, type Sound, SpeechQueue, takenIn } from "../src/model/speech.ts";

/** A message of so many parts; notes what was asked for, played and dropped. */
class Message {
  readonly asked: number[] = [];
  readonly played: number[] = [];
  readonly dropped: number[] = [];
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  fetch = async (number: number, signal: AbortSignal): Promise<number | null> => {
    this.asked.push(number);
    signal.addEventListener("abort", () => this.dropped.push(number));
    return number < this.#count ? number : null;
  };

  play = async (part: number): Promise<void> => {
    this.played.push(part);
  };
}

test("parts are played in order, one asked for ahead, until there is none", async () => {
  const message = new Message(3);
  await new SpeechQueue(message.fetch, message.play).run();
  assert.deepEqual(message.played, [0, 1, 2]);
  assert.deepEqual(message.asked, [0, 1, 2, 3, 4]);
});

test("stopping drops every request and plays nothing more", async () => {
  const message = new Message(9);
  const queue = new SpeechQueue(message.fetch, async (part: number, signal: AbortSignal) => {
    await message.play(part);
    queue.stop();
    signal.throwIfAborted();
  });
  await assert.rejects(queue.run(), { name: "AbortError" });
  assert.deepEqual(message.played, [0]);
  assert.deepEqual(message.dropped, [0, 1]);
});

test("a part that cannot be had ends the reading with its reason, after what came before it", async () => {
  const played: number[] = [];
  const fetch = async (number: number) => {
    if (number === 2) throw new Error("quota");
    return number;
  };
  const queue = new SpeechQueue(fetch, async (part: number) => void played.push(part));
  await assert.rejects(queue.run(), /quota/);
  assert.deepEqual(played, [0, 1]);
  assert.equal(queue.isStopped, true);
});

function after(...happenings: Happening[]): [Dictation["state"], string[]] {
  let now = IDLE;
  const deeds: string[] = [];
  for (const each of happenings) {
    const [state, deed] = next(now, each);
    now = state;
    if (deed !== "none") deeds.push(deed);
  }
  return [now.state, deeds];
}

const press = (at: number): Happening => ({ kind: "press", at });
const release = (at: number): Happening => ({ kind: "release", at });
const granted = (at: number): Happening => ({ kind: "granted", at });

test("a tap begins, the next one ends", () => {
  assert.deepEqual(after(press(0), release(90), granted(200)), ["recording", ["open", "record"]]);
  assert.deepEqual(after(press(0), release(90), granted(200), press(3_000)), ["writing", ["open", "record", "send"]]);
});

test("letting go after the tap that ended it changes nothing", () => {
  assert.deepEqual(after(press(0), release(90), granted(200), press(3_000), release(9_000))[0], "writing");
});

test("what is held ends when it is let go", () => {
  assert.deepEqual(after(press(0), granted(100), release(HOLD_MS)), ["writing", ["open", "record", "send"]]);
});

test("held and let go before the microphone was there: nothing was said", () => {
  assert.deepEqual(after(press(0), release(HOLD_MS), granted(5_000)), ["idle", ["open", "discard"]]);
});

test("cancelling works at every moment", () => {
  const cancel: Happening = { kind: "cancel" };
  assert.deepEqual(after(cancel), ["idle", []]);
  assert.deepEqual(after(press(0), cancel, granted(100)), ["idle", ["open", "discard", "discard"]]);
  assert.deepEqual(after(press(0), release(9), granted(100), cancel), ["idle", ["open", "record", "discard"]]);
  assert.deepEqual(after(press(0), release(9), granted(100), press(900), cancel)[0], "idle");
});

test("a refusal and the longest recording", () => {
  assert.deepEqual(after(press(0), { kind: "refused" }), ["idle", ["open"]]);
  const full: Happening = { kind: "full" };
  assert.deepEqual(after(press(0), release(9), granted(99), full, { kind: "written" }), ["idle", ["open", "record", "send"]]);
});

test("clock and level", () => {
  assert.deepEqual([0, 9.9, 60, 605].map(clockOf), ["0:00", "0:09", "1:00", "10:05"]);
  assert.equal(levelOf([]), 0);
  assert.equal(levelOf([0, 0, 0]), 0);
  assert.equal(levelOf([1, -1]), 1);
  assert.ok(levelOf([0.01, -0.01]) > 0.2 && levelOf([0.01, -0.01]) < 0.5);
});

function soundOf(...pieces: (string | Error)[]): Sound {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      const piece = pieces[at++];
      if (piece === undefined) controller.close();
      else if (piece instanceof Error) controller.error(piece);
      else controller.enqueue(new TextEncoder().encode(piece));
    },
  });
}

async function portionsOf(sound: Sound, hasGap: (given: number) => boolean): Promise<string[]> {
  const portions: string[] = [];
  for await (const portion of inPortions(sound, () => hasGap(portions.length))) {
    portions.push(new TextDecoder().decode(portion));
  }
  return portions;
}

test("a sound is given on as it comes", async () => {
  assert.deepEqual(await portionsOf(soundOf("a", "b", "c"), () => false), ["a", "b", "c"]);
});

test("after a gap the rest comes in one", async () => {
  assert.deepEqual(await portionsOf(soundOf("a", "b", "c", "d", "e"), (given) => given === 2), ["a", "b", "cde"]);
});

test("a sound that breaks off is heard as far as it came, and then told", async () => {
  const heard: string[] = [];
  const read = async (hasGap: boolean) => {
    heard.length = 0;
    const sound = soundOf("a", "b", new Error("broke off"));
    for await (const each of inPortions(sound, () => hasGap)) heard.push(new TextDecoder().decode(each));
  };
  await assert.rejects(read(false), /broke off/);
  assert.deepEqual(heard, ["a", "b"]);
  await assert.rejects(read(true), /broke off/);
  assert.deepEqual(heard, ["ab"]);
});

test("a sound is taken in before anybody listens to it", async () => {
  let taken = 0;
  const slow = new ReadableStream<Bytes>(
    { pull: (controller) => void (++taken < 50 ? controller.enqueue(new Uint8Array(9_000)) : controller.close()) },
    { highWaterMark: 0 },
  );
  const sound = takenIn(slow);
  for (let turn = 0; taken < 50 && turn < 1_000; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(taken, 50);
  assert.equal((await new Response(sound).bytes()).length, 49 * 9_000);
});

test("mp3 is known by its beginning", () => {
  const begins = (...bytes: number[]) => isMp3(new Uint8Array(bytes));
  assert.ok(begins(0x49, 0x44, 0x33, 4)); // ID3
  assert.ok(begins(0xff, 0xfb, 0x90, 0) && begins(0xff, 0xf3, 0x44, 0xc4) && begins(0xff, 0xe3, 0x18, 0xc4));
  assert.ok(!begins(0xff, 0xf1, 0x50) && !begins(0x52, 0x49, 0x46, 0x46) && !begins(0x4f, 0x67, 0x67) && !begins(0xff) && !begins());
});
