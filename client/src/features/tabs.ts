// Other tabs and devices: what happens there to the conversation shown here.

import type { Chat } from "../api/chat.ts";

interface Notice {
  conversation: string;
  generation: string;
}

/**
 * Tells the tabs of this browser about a new run, and hears of theirs. For other devices, and for browsers without the
 * channel, the server is asked when the reader returns to the tab.
 */
export class Tabs {
  readonly #channel = "BroadcastChannel" in window ? new BroadcastChannel("tertulia") : null;
  readonly #chat: Chat;
  #known: string;

  /** `updated` is when the conversation shown was last written to, as far as the page knows. */
  constructor(chat: Chat, updated: string) {
    this.#chat = chat;
    this.#known = updated;
  }

  /** `onNews` is called when the conversation has changed elsewhere; `current` names the one shown. */
  listen(current: () => string, onNews: () => Promise<void>): void {
    this.#channel?.addEventListener("message", ({ data }: MessageEvent<Notice>) => {
      if (data.conversation && data.conversation === current()) void onNews();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && current()) void this.#look(current()).then((isNews) => (isNews ? onNews() : undefined));
    });
  }

  /** What has changed by now was shown as it happened. */
  async keepUp(conversation: string): Promise<void> {
    await this.#look(conversation);
  }

  async #look(conversation: string): Promise<boolean> {
    try {
      const { updated_at: updated } = await this.#chat.conversation(conversation);
      const isNews = !this.#known || Date.parse(updated) > Date.parse(this.#known);
      this.#known = updated;
      return isNews;
    } catch {
      return false; // gone, or signed out: told when something is sent
    }
  }

  tell(notice: Notice): void {
    this.#channel?.postMessage(notice);
  }
}
