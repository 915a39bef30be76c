// What the server's figures and refusals are called in the page's words; the chat page and the embedded chat say the same.

import type { Usage } from "../api/chat.ts";
import type { Problem } from "../api/problem.ts";
import { fill, type Words } from "../words.ts";
import { clock } from "./time.ts";

/** What is left of today's requests, and when there are new ones; the latter is empty where there is no limit. */
export function quotaTold({ limit, remaining, used, resets_at }: Usage, words: Words, language?: string): [string, string] {
  if (limit === null || remaining === null) return [fill(words.quotaUsed, { used }), ""];
  const left = fill(words.quota, { remaining, limit });
  return [left, fill(words.resets, { time: clock(new Date(resets_at), language) })];
}

/** Why a message was not sent. */
export function refusalTold(problem: Problem, words: Words, language?: string): string {
  const reason = Object.values(problem.errors).flat()[0] ?? problem.message;
  if (problem.slug !== "over_quota" || problem.retryAfter === null) return fill(words.refused, { reason });
  return fill(words.overQuota, { time: clock(new Date(Date.now() + problem.retryAfter * 1_000), language) });
}
