// The dialect's bounds: no text makes the lexer slow or deep, or reach what it did not define.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Token } from "marked";
import { lex } from "../src/model/markdown.ts";

function depthOf(tokens: readonly Token[]): number {
  const inner = tokens.flatMap((token) => [
    ...(("tokens" in token && token.tokens) || []),
    ...(token.type === "list" ? (token as { items: Token[] }).items : []),
  ]);
  return tokens.length ? 1 + depthOf(inner) : 0;
}

function lexed(text: string): Token[] {
  return lex(text, Object.create(null) as Record<string, never>);
}

for (const piece of [">", "> - ", "1. ", "- ", "**a_", "[", "![[", "*_~~"]) {
  test(`10,000 times ${piece} is no deeper than a screen`, () => {
    const text = piece.repeat(10_000);
    const tokens = lexed(text);
    assert.ok(depthOf(tokens) < 100);
    assert.ok(tokens.map((token) => token.raw).join("").trim() === text.trim());
  });
}

test("what is nested in earnest keeps its form", () => {
  assert.equal(depthOf(lexed("> - **a *b [c](https://e.org)***")), 8);
});

test("no link leads to what every object inherits", () => {
  const [paragraph] = lexed("[a][constructor] [b][toString]");
  assert.deepEqual(
    (paragraph as { tokens: Token[] }).tokens.map((token) => token.type),
    ["text"],
  );
});
