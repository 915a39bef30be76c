// What is left of today's requests, as the sidebar says it.

import type { Chat, Usage } from "../api/chat.ts";
import { element, need } from "../render/dom.ts";
import { clock } from "../render/time.ts";
import { fill, type Words } from "../words.ts";

/** Asks the server and shows it; what cannot be asked stays as it is. */
export async function refreshQuota(chat: Chat, words: Words): Promise<void> {
  try {
    show(await chat.usage(), words);
  } catch {
    // Told where it matters: when something is sent.
  }
}

function show(usage: Usage, words: Words): void {
  const line = need("#quota");
  if (usage.limit === null || usage.remaining === null) {
    line.textContent = fill(words.quotaUsed, { used: usage.used });
    return;
  }
  const left = fill(words.quota, { remaining: usage.remaining, limit: usage.limit });
  const resets = fill(words.resets, { time: clock(new Date(usage.resets_at)) });
  line.replaceChildren(element("span", {}, `${left} ·`), " ", element("span", {}, resets));
  const bar = document.querySelector<HTMLMeterElement>("#quota-bar");
  if (bar) bar.value = usage.remaining;
}
