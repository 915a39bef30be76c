// What is left of today's requests, as the sidebar says it.

import type { Chat, Usage } from "../api/chat.ts";
import { element, need } from "../render/dom.ts";
import { quotaTold } from "../render/telling.ts";
import type { Words } from "../words.ts";

/** Asks the server and shows it; what cannot be asked stays as it is. */
export async function refreshQuota(chat: Chat, words: Words): Promise<void> {
  try {
    show(await chat.usage(), words);
  } catch {
    // Told where it matters: when something is sent.
  }
}

/** What the server said on the page, with the time as the reader's own clock shows it: the server knows no other zone. */
export function showQuotaHere(words: Words): void {
  const { limit = "", used = "", remaining = "", resets = "" } = need("#quota").dataset;
  const known = (text: string) => (text ? Number(text) : null);
  show({ limit: known(limit), used: Number(used), remaining: known(remaining), resets_at: resets }, words);
}

function show(usage: Usage, words: Words): void {
  const line = need("#quota");
  const told = quotaTold(usage, words).filter(Boolean);
  line.replaceChildren(...told.flatMap((text) => [element("span", {}, text), " "]));
  const bar = document.querySelector<HTMLMeterElement>("#quota-bar");
  if (bar && usage.remaining !== null) bar.value = usage.remaining;
}
