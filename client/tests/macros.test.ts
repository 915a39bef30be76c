// The preview of a greeting says what the server will say.

import assert from "node:assert/strict";
import { test } from "node:test";
import { expanded } from "../src/model/macros.ts";

const CASES: [string, string][] = [
  ["Good morning, {{user}}.", "Good morning, Ana."],
  ["{{ CHAR }} waits.", "Mira waits."],
  ["<BOT> and <user>", "Mira and Ana"],
  ["a{{// said to nobody }}b", "ab"],
  ["{{roll:6}} stays", "{{roll:6}} stays"],
  ["{{original}} stays", "{{original}} stays"],
];

for (const [text, result] of CASES) {
  test(text, () => assert.equal(expanded(text, "Mira", "Ana"), result));
}

test("a name that spells a macro is left alone", () => {
  assert.equal(expanded("{{char}}", "{{user}}", "Ana"), "{{user}}");
});
