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

function headingsOf(tokens: readonly Token[]): string[] {
  return tokens.flatMap((token) => [
    ...(token.type === "heading" ? [(token as { text: string }).text] : []),
    ...headingsOf(("tokens" in token && token.tokens) || []),
    ...(token.type === "list" ? headingsOf((token as { items: Token[] }).items) : []),
  ]);
}

for (const [text, headings] of [
  ["- a\n  b\n  ===\n  c\n  ---", ["a\nb", "c"]],
  ["- a\n  > b\n\n  c\n  ===", ["c"]],
  ["a\n$$x$$\nb\n\nc\n===", ["c"]],
  ["- a\n  b\n- c\n  ===\n\nd\n---", ["c", "d"]],
  ["- a\n  # b\n  c\n\n  d\n  ===", ["b", "d"]],
] as const) {
  test(`${JSON.stringify(text)}: a line under lines makes a heading of them`, () => {
    assert.deepEqual(headingsOf(lexed(text)), headings);
  });
}

test("what looks like the beginning of a formula does not part a paragraph", () => {
  const [paragraph, ...rest] = lexed("a\n\\[ b\n$$ c");
  assert.equal(paragraph?.raw, "a\n\\[ b\n$$ c");
  assert.deepEqual(rest, []);
});

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

test("an item without end is shown as it was written, and a long list is a list", () => {
  const [first] = lexed("- a\n" + "and on\n".repeat(10_000));
  assert.equal(first?.type, "paragraph");
  const [list] = lexed("- a\n".repeat(20_000));
  assert.equal((list as { items: unknown[] }).items.length, 20_000);
});
