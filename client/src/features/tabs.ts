// Other tabs and devices: what happens there to the conversation shown here.

import type { Chat } from "../api/chat.ts";

interface Notice {
  conversation: string;
  generation: string;
}

/** Tells the tabs of this browser about a new run, and hears of theirs. Without the channel, returning to the tab asks. */
export class Tabs {
  readonly #channel = "BroadcastChannel" in window ? new BroadcastChannel("tertulia") : null;

  /** `onNews` is called when the conversation has changed elsewhere; `current` names the one shown. */
  listen(chat: Chat, current: () => string, updated: string, onNews: () => Promise<void>): void {
    let known = updated;
    this.#channel?.addEventListener("message", ({ data }: MessageEvent<Notice>) => {
      if (data.conversation && data.conversation === current()) void onNews();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden || !current()) return;
      void chat.conversation(current()).then(
        ({ updated_at }) => {
          const isNews = Date.parse(updated_at) > Date.parse(known);
          known = updated_at;
          return isNews ? onNews() : undefined;
        },
        () => undefined, // gone or signed out: told when something is sent
      );
    });
  }

  tell(notice: Notice): void {
    this.#channel?.postMessage(notice);
  }
}
