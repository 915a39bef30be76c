// The chat page: wires the features together. They do not know each other.

import { Chat, type Outgoing } from "./api/chat.ts";
import type { Http } from "./api/http.ts";
import { Problem } from "./api/problem.ts";
import { storageOf } from "./api/storage.ts";
import { Composer } from "./features/composer.ts";
import { ConversationList } from "./features/conversations.ts";
import { listenForDeeds } from "./features/deeds.ts";
import { type Hooks, LiveConversation } from "./features/live.ts";
import { startSidebar } from "./features/menus.ts";
import { refreshQuota, showQuotaHere } from "./features/quota.ts";
import { Tabs } from "./features/tabs.ts";
import { Drafts } from "./model/draft.ts";
import { copyWords } from "./render/code.ts";
import { need } from "./render/dom.ts";
import { MarkdownRenderer } from "./render/markdown.ts";
import { fetchPage } from "./render/page.ts";
import { EndOfThread } from "./render/scroll.ts";
import { aimAt } from "./render/turns.ts";
import { fill, type Words } from "./words.ts";

/** So much of an answer is read out when it is complete; the rest can be read in the thread. */
const LONGEST_ANNOUNCED = 1_500;

export class ChatPage {
  readonly #frame: HTMLElement;
  readonly #http: Http;
  readonly #words = JSON.parse(need("#words").textContent ?? "{}") as Words;
  readonly #end = new EndOfThread();
  /** Where a conversation begins again when its first message was refused. */
  #start = `/${location.search}`;
  readonly #chat: Chat;
  readonly #drafts: Drafts;
  readonly #tabs: Tabs;
  readonly #list: ConversationList;
  readonly #composer: Composer;
  readonly #live: LiveConversation;

  constructor(frame: HTMLElement, http: Http) {
    const { user = "", conversation = "", updated = "" } = frame.dataset;
    this.#frame = frame;
    this.#http = http;
    Object.assign(copyWords, { copy: this.#words.copy, copied: this.#words.copied });
    this.#chat = new Chat(http);
    this.#drafts = new Drafts(storageOf("localStorage"), user);
    this.#tabs = new Tabs(this.#chat, updated);
    this.#list = new ConversationList(http);
    this.#composer = new Composer(conversation, this.#drafts, this.#words, {
      send: (outgoing) => void this.#send(outgoing),
      stop: () => void this.#stop(),
    });
    const renderer = new MarkdownRenderer({ image: this.#words.image });
    const tools = { renderer, words: this.#words, end: this.#end, hooks: this.#hooks() };
    this.#live = new LiveConversation(conversation, this.#chat, tools);
  }

  /** Listens, goes to where the reader wants to be, and follows what is being written. */
  start(): void {
    startSidebar();
    showQuotaHere(this.#words);
    this.#listen();
    this.#tabs.listen(() => this.#live.conversation, () => this.#refreshThread());
    if (location.hash === "#end") history.replaceState(null, "", location.pathname + location.search);
    if (!location.hash) this.#end.go();
    void this.#live.attach().catch(() => undefined); // it stays as the server rendered it
  }

  #hooks(): Hooks {
    return {
      beginning: () => this.#composer.beginning,
      onBusy: (isBusy) => (this.#composer.isBusy = isBusy),
      onConversation: (id) => this.#showConversation(id),
      onStarted: (conversation, generation) => {
        this.#composer.accepted();
        this.#tabs.tell({ conversation, generation });
        void refreshQuota(this.#chat, this.#words);
        void this.#refreshList();
      },
      onEnded: (run, view) => {
        const isWhole = run.end?.status === "complete";
        this.#announce(isWhole ? fill(this.#words.answered, { text: beginningOf(view.item) }) : view.outcome);
        void refreshQuota(this.#chat, this.#words);
        void this.#tabs.keepUp(this.#live.conversation);
      },
      onTrouble: (isLost) => this.#composer.say(isLost ? this.#words.lost : ""),
      onBroken: (error) => {
        if (error instanceof Problem) this.#composer.sayRefused(error);
        else this.#composer.say(this.#words.broken);
      },
    };
  }

  #listen(): void {
    listenForDeeds(need("#thread"), this.#chat, this.#words, {
      again: (message) => {
        this.#composer.focus(); // the button goes with the answer
        void this.#attempt(() => this.#live.regenerate(message, this.#composer.options()));
      },
      resume: () => void this.#send({ content: this.#words.resume, ...this.#composer.options() }),
      edit: (message, content) => {
        this.#composer.focus();
        void this.#attempt(() => this.#live.edit(message, { content, ...this.#composer.options() }));
      },
      textOf: (answer) => this.#live.textOf(answer),
      refused: (error) => this.#composer.sayRefused(error),
      say: (text) => this.#announce(text),
    });
    document.addEventListener("click", (event) => this.#followMoreLink(event));
    document.addEventListener("keydown", (event) => {
      const isFree = event.key === "Escape" && !event.defaultPrevented && !event.isComposing;
      if (isFree && this.#live.isBusy) void this.#stop();
    });
    this.#frame.querySelector("[data-sign-out]")?.addEventListener("submit", () => this.#drafts.clear());
  }

  async #send(outgoing: Outgoing): Promise<void> {
    this.#announce(this.#words.sending);
    await this.#attempt(() => this.#live.send(outgoing), outgoing.content);
  }

  /** Does what ends in an answer; when it is refused, says so beside the composer and gives the text back. */
  async #attempt(deed: () => Promise<void>, text = ""): Promise<void> {
    try {
      await deed();
    } catch (error) {
      this.#composer.sayRefused(error);
      if (text) this.#composer.giveBack(text);
      void refreshQuota(this.#chat, this.#words);
    }
  }

  async #stop(): Promise<void> {
    try {
      await this.#live.stop();
    } catch (error) {
      this.#composer.sayRefused(error);
    }
  }

  /** Tells those who do not see it. */
  #announce(text: string): void {
    need("#status").textContent = text;
  }

  /** The page becomes that of a conversation, or again one that begins a new one. */
  #showConversation(id: string): void {
    this.#frame.dataset["conversation"] = this.#composer.conversation = id;
    this.#composer.form.action = id ? `/c/${id}/send` : "/send";
    need("#conversation-menu").hidden = id === "";
    history.replaceState(null, "", id ? `/c/${id}` : this.#start);
    for (const field of document.querySelectorAll<HTMLInputElement>("[name=next], [name=back]")) {
      field.value = location.pathname + location.search; // a change of the language comes back to here
    }
    for (const target of this.#frame.querySelectorAll("form, button[formaction]")) if (id) aimAt(target, id);
  }

  /** The list of conversations and the title, as the server has them now; they stay when it cannot be asked. */
  async #refreshList(): Promise<void> {
    const title = await this.#list.refresh(this.#live.conversation).catch(() => null);
    if (!title) return;
    need("#title").textContent = need<HTMLInputElement>("#new-title").value = title;
    document.title = `${title} · Tertulia`;
  }

  /** The messages, as the server has them now; not while something is being written here. */
  async #refreshThread(): Promise<void> {
    const isInUse = () => this.#live.isBusy || document.querySelector("#thread .edit[open]") !== null;
    if (isInUse()) return;
    const fresh = await fetchPage(this.#http, location.pathname + location.search);
    if (!isInUse()) this.#live.show([...need("#thread", fresh).children]);
  }

  #followMoreLink(event: Event): void {
    const link = (event.target as Element).closest<HTMLAnchorElement>("[data-earlier], [data-older], [data-greeting]");
    if (!link) return;
    event.preventDefault();
    const { earlier, older } = link.dataset;
    const shown =
      earlier !== undefined ? this.#showEarlier(link) : older !== undefined ? this.#list.continue(link) : this.#swipe(link);
    shown.catch(() => (location.href = link.href));
  }

  /** Another greeting, in the place of the one that is shown. */
  async #swipe(link: HTMLAnchorElement): Promise<void> {
    const fresh = await fetchPage(this.#http, link.href);
    if (this.#live.isBusy || this.#live.conversation) return; // it has begun with the one that is shown
    const greeting = document.adoptNode(need("#greeting", fresh));
    need("#greeting").replaceWith(greeting);
    this.#composer.greeting = need<HTMLInputElement>("[name=greeting]", fresh).value;
    history.replaceState(null, "", link.href);
    this.#start = location.pathname + location.search;
    need(`[rel="${link.rel}"]`, greeting).focus();
    this.#end.follow();
    this.#announce(beginningOf(greeting));
  }

  /** Earlier messages, above those that are being read. */
  async #showEarlier(link: HTMLAnchorElement): Promise<void> {
    const fresh = await fetchPage(this.#http, link.href);
    const further = fresh.querySelector<HTMLAnchorElement>("[data-earlier]");
    const greeting = fresh.querySelector("#greeting"); // the first words, where the beginning is reached
    this.#end.keepingPlace(need("#thread").firstElementChild ?? link, () => {
      this.#live.prepend([...need("#thread", fresh).children]);
      if (greeting) need("#thread").before(document.adoptNode(greeting));
      if (further) link.href = further.href;
      else link.parentElement?.remove();
    });
  }
}

function beginningOf(answer: Element): string {
  const text = answer.querySelector("[data-prose]")?.textContent ?? "";
  return text.length > LONGEST_ANNOUNCED ? `${text.slice(0, LONGEST_ANNOUNCED)}…` : text;
}
