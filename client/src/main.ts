// The entry: finds out which page this is and wires the features together. They do not know each other.

import { Chat, type Outgoing } from "./api/chat.ts";
import { Http } from "./api/http.ts";
import { Composer } from "./features/composer.ts";
import { listenForDeeds } from "./features/deeds.ts";
import { LiveConversation } from "./features/live.ts";
import { startMenus, startSidebar } from "./features/menus.ts";
import { refreshQuota } from "./features/quota.ts";
import { Tabs } from "./features/tabs.ts";
import { startThemes } from "./features/themes.ts";
import { Drafts } from "./model/draft.ts";
import { copyWords } from "./render/code.ts";
import { need } from "./render/dom.ts";
import { MarkdownRenderer } from "./render/markdown.ts";
import { fetchPage, pageCsrf } from "./render/page.ts";
import { EndOfThread } from "./render/scroll.ts";
import { aimAt } from "./render/turns.ts";
import { fill, type Words } from "./words.ts";

/** So much of an answer is read out when it is complete; the rest can be read in the thread. */
const LONGEST_ANNOUNCED = 1_500;

document.documentElement.dataset["enhanced"] = "";
const http = new Http(pageCsrf, (url, init) => fetch(url, init));
startMenus();
startThemes(http);
const frame = document.querySelector<HTMLElement>("#chat");
if (frame) startChat(frame);

function startChat(page: HTMLElement): void {
  const words = JSON.parse(need("#words").textContent ?? "{}") as Words;
  Object.assign(copyWords, { copy: words.copy, copied: words.copied });
  const chat = new Chat(http);
  const tabs = new Tabs();
  const end = new EndOfThread();
  const drafts = new Drafts(storage(), page.dataset["user"] ?? "");
  const composer = new Composer(page.dataset["conversation"] ?? "", drafts, words, {
    send: (outgoing) => void send(outgoing),
    stop: () => void live.stop().catch(composer.sayRefused.bind(composer)),
  });
  const live = new LiveConversation(page.dataset["conversation"] ?? "", chat, {
    renderer: new MarkdownRenderer({ image: words.image }),
    words,
    end,
    hooks: {
      onBusy: (isBusy) => (composer.isBusy = isBusy),
      onConversation: showConversation,
      onStarted: (conversation, generation) => {
        composer.accepted();
        tabs.tell({ conversation, generation });
        void refreshQuota(chat, words);
        void refreshList();
      },
      onEnded: (run, { item }) => {
        announce(run.end?.status === "complete" ? fill(words.answered, { text: plainText(item) }) : words.stopped);
        void refreshQuota(chat, words);
      },
      onTrouble: (isLost) => composer.say(isLost ? words.lost : ""),
    },
  });

  async function send(outgoing: Outgoing): Promise<void> {
    await attempt(async () => {
      announce(words.sending);
      await live.send(outgoing);
    }, outgoing.content);
  }

  /** Does what ends in an answer; when it is refused, says so beside the composer and gives the text back. */
  async function attempt(deed: () => Promise<void>, text = ""): Promise<void> {
    try {
      await deed();
    } catch (error) {
      composer.sayRefused(error);
      if (text) composer.giveBack(text);
      void refreshQuota(chat, words);
    }
  }

  function announce(text: string): void {
    need("#status").textContent = text;
  }

  function showConversation(id: string): void {
    page.dataset["conversation"] = composer.conversation = id;
    history.replaceState(null, "", id ? `/c/${id}` : "/");
    composer.form.action = id ? `/c/${id}/send` : "/send";
    need("#conversation-menu").hidden = id === "";
    for (const target of page.querySelectorAll("form, button[formaction]")) if (id) aimAt(target, id);
  }

  /** The list of conversations and the title, as the server has them now. */
  async function refreshList(): Promise<void> {
    const fresh = await fetchPage(http, location.pathname).catch(() => null);
    if (!fresh) return;
    for (const id of ["#conversations", "#title"]) {
      const [now, next] = [need(id), fresh.querySelector(id)];
      if (next) now.replaceChildren(...[...next.childNodes].map((node) => document.adoptNode(node)));
    }
    need<HTMLInputElement>("#new-title").value = need("#title").textContent ?? "";
    document.title = fresh.title;
  }

  async function refreshThread(): Promise<void> {
    if (live.isBusy) return;
    const fresh = await fetchPage(http, location.pathname + location.search);
    if (!live.isBusy) live.show([...(fresh.querySelector("#thread")?.children ?? [])]);
  }

  listenForDeeds(need("#thread"), chat, words, {
    again: (message) => void attempt(() => live.regenerate(message, composer.options())),
    resume: () => void send({ content: words.resume, ...composer.options() }),
    edit: (message, content) => void attempt(() => live.edit(message, { content, ...composer.options() })),
    textOf: (answer) => live.textOf(answer),
    refused: (error) => composer.sayRefused(error),
    say: announce,
  });

  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>("[data-earlier]");
    if (!link) return;
    event.preventDefault();
    void showEarlier(link).catch(() => (location.href = link.href));
  });

  async function showEarlier(link: HTMLAnchorElement): Promise<void> {
    const fresh = await fetchPage(http, link.href);
    const further = fresh.querySelector<HTMLAnchorElement>("[data-earlier]");
    end.keepingPlace(need("#thread").firstElementChild ?? link, () => {
      live.prepend([...(fresh.querySelector("#thread")?.children ?? [])]);
      if (further) link.href = further.href;
      else link.parentElement?.remove();
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !event.isComposing && live.isBusy) void live.stop();
  });
  page.querySelector("[data-sign-out]")?.addEventListener("submit", () => drafts.clear());
  tabs.listen(chat, () => live.conversation, page.dataset["updated"] ?? "", refreshThread);
  startSidebar();
  if (!location.hash || location.hash === "#end") {
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    end.go();
  }
  void live.attach().catch(() => undefined); // it stays as the server rendered it
}

function plainText(answer: Element): string {
  const text = answer.querySelector("[data-prose]")?.textContent ?? "";
  return text.length > LONGEST_ANNOUNCED ? `${text.slice(0, LONGEST_ANNOUNCED)}…` : text;
}

/** Storage may be forbidden; asking for it already throws then. */
function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
