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

function show(usage: Usage, words: Words): void {
  const line = need("#quota");
  const [left, resets] = quotaTold(usage, words);
  line.replaceChildren(...(resets ? [element("span", {}, `${left} ·`), " ", element("span", {}, resets)] : [left]));
  const bar = document.querySelector<HTMLMeterElement>("#quota-bar");
  if (bar && usage.remaining !== null) bar.value = usage.remaining;
}
