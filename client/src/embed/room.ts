// The conversation of somebody who is signed in on a foreign page: thread, composer, quota.

import { Chat, type Conversation } from "../api/chat.ts";
import type { Http } from "../api/http.ts";
import { Problem } from "../api/problem.ts";
import { pause } from "../api/retry.ts";
import { followRun, type Open } from "../api/stream.ts";
import { newRun, type Run } from "../model/generation.ts";
import { sends } from "../model/keys.ts";
import { element } from "../render/dom.ts";
import { MarkdownRenderer } from "../render/markdown.ts";
import { quotaTold, refusalTold } from "../render/telling.ts";
import { fill } from "../words.ts";
import { Answer, type Message, wordsOf } from "./turn.ts";
import type { EmbedWords } from "./words.ts";

/** So near to the end counts as being there, in pixels. */
const NEAR = 64;
/** Messages that are shown at once; earlier ones on request. */
const SHOWN = 40;

/** Who answers where no character does. */
const NOBODY_ELSE = "Tertulia";

interface Detail extends Conversation {
  instance: string | null;
  leaf: string | null;
  greeting: string;
  running: readonly { generation: string; answer: string }[];
}

interface Listed<T> {
  results: T[];
  previous: string | null;
}

export class Room {
  readonly host: HTMLElement;
  readonly #http: Http;
  readonly #chat: Chat;
  readonly #words: EmbedWords;
  readonly #storage: Storage | null;
  readonly #renderer: MarkdownRenderer;
  readonly #leaving = new AbortController();
  readonly #list = element("ol", { class: "thread" });
  readonly #earlier = element("button", { type: "button", class: "quiet earlier" });
  readonly #frame: HTMLElement;
  readonly #choice = element("select");
  readonly #quota = element("span", { class: "quota" });
  readonly #notice = element("p", { class: "notice", role: "status" });
  readonly #field = element("textarea", { rows: "1", dir: "auto" });
  readonly #send = element("button", { type: "submit", class: "primary" });
  readonly #stop = element("button", { type: "button" });
  readonly #status = element("p", { class: "sr", role: "status" });
  #conversation = "";
  #leaf: string | null = null;
  #speaker = NOBODY_ELSE;
  #greeting = "";
  #before = "";
  #generation = "";
  #isBusy = false;
  #sticks = true;
  /** Until the conversation that was chosen last stands here. */
  #arrival: Promise<unknown> = Promise.resolve();

  constructor(http: Http, words: EmbedWords, storage: Storage | null, onSignOut: () => void) {
    this.#http = http;
    this.#chat = new Chat(http);
    this.#words = words;
    this.#storage = storage;
    this.#renderer = new MarkdownRenderer({ image: words.image });
    this.#frame = element("div", { class: "thread-frame", tabindex: "0", role: "region", "aria-label": words.messages });
    this.#frame.append(this.#earlier, this.#list);
    this.host = element("div", { class: "room" }, this.#head(onSignOut), this.#frame, this.#composer(), this.#status);
    this.#earlier.textContent = words.earlier;
    this.#earlier.hidden = this.#notice.hidden = this.#stop.hidden = true;
    this.#listen();
  }

  /** Shows the conversation that this tab was in, and follows what is being written in it. */
  async open(): Promise<void> {
    void this.#showQuota();
    await this.#go(async () => {
      await this.#showChoice();
      const last = this.#storage?.getItem(this.#key) ?? "";
      if ([...this.#choice.options].some((option) => option.value === last)) await this.#show(last);
      else this.#begin();
    });
  }

  /** Ends what the room reads; the answers themselves go on. */
  close(): void {
    this.#leaving.abort();
  }

  get isClosed(): boolean {
    return this.#leaving.signal.aborted;
  }

  /** What was typed and not accepted yet. */
  get draft(): string {
    return this.#field.value;
  }

  set draft(text: string) {
    this.#field.value = text;
  }

  get #key(): string {
    return "tertulia:conversation";
  }

  #head(onSignOut: () => void): HTMLElement {
    const words = this.#words;
    this.#choice.setAttribute("aria-label", words.conversation);
    const leave = element("button", { type: "button", class: "quiet" }, words.signOut);
    leave.addEventListener("click", onSignOut);
    return element("header", {}, this.#choice, this.#quota, leave);
  }

  #composer(): HTMLElement {
    const words = this.#words;
    this.#field.placeholder = words.placeholder;
    this.#field.setAttribute("aria-label", words.placeholder);
    this.#send.textContent = words.send;
    this.#stop.textContent = words.stop;
    const form = element("form", { class: "composer" }, this.#notice, this.#field, this.#send, this.#stop);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    return form;
  }

  #listen(): void {
    this.#field.addEventListener("keydown", (event) => {
      if (!sends(event)) return;
      event.preventDefault();
      this.#submit();
    });
    this.#stop.addEventListener("click", () => void this.#stopAnswer());
    this.#choice.addEventListener("change", () => {
      const chosen = this.#choice.value;
      void this.#attempt(() => this.#go(() => (chosen ? this.#show(chosen) : this.#begin())));
    });
    this.#earlier.addEventListener("click", () => void this.#showEarlier());
    this.#frame.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#frame;
      this.#sticks = scrollHeight - scrollTop - clientHeight < NEAR;
    }, { passive: true });
  }

  // --- Which conversation ------------------------------------------------------------------------------------------

  /**
   * One step from one conversation to another at a time: each waits for the network in its middle, and what another
   * step or a message had put into the list meanwhile would be cleared or mixed.
   */
  #go(step: () => Promise<void> | void): Promise<void> {
    const gone = this.#arrival.then(step);
    this.#arrival = gone.catch(() => undefined);
    return gone;
  }

  async #showChoice(): Promise<void> {
    const { results } = await this.#http.json<Listed<Conversation>>("/api/conversations?limit=50");
    const fresh = element("option", { value: "" }, this.#words.newConversation);
    const listed = results.map((each) => element("option", { value: each.id }, each.title || this.#words.newConversation));
    this.#choice.replaceChildren(fresh, ...listed);
    this.#choice.value = this.#conversation;
  }

  #begin(): void {
    this.#settle("", null);
    this.#speaker = NOBODY_ELSE;
    this.#list.replaceChildren();
    this.#earlier.hidden = true;
    this.#say("");
    this.#field.focus();
  }

  #settle(conversation: string, leaf: string | null): void {
    if (this.isClosed) return;
    this.#conversation = conversation;
    this.#leaf = leaf;
    try {
      this.#storage?.setItem(this.#key, conversation);
    } catch {
      // Then a reload begins a new one.
    }
  }

  async #show(id: string): Promise<void> {
    const detail = await this.#http.json<Detail>(`/api/conversations/${id}`);
    this.#speaker = await this.#nameOf(detail.instance);
    this.#settle(id, detail.leaf);
    this.#choice.value = id;
    this.#list.replaceChildren();
    this.#earlier.hidden = true;
    this.#greeting = detail.greeting;
    if (!detail.leaf) return this.#list.append(...this.#greeted());
    const answers = await this.#showBranch(`/api/conversations/${id}/messages?leaf=${detail.leaf}&limit=${SHOWN}`);
    this.#sticks = true;
    this.#follow();
    const running = detail.running.find((each) => each.answer === detail.leaf);
    const answer = answers.get(running?.answer ?? "");
    if (running && answer) void this.#read(answer, this.#chat.following(), newRun(running.generation), () => undefined);
  }

  async #nameOf(instance: string | null): Promise<string> {
    if (!instance) return NOBODY_ELSE;
    return (await this.#http.json<{ name: string }>(`/api/instances/${instance}`)).name;
  }

  /** Puts a part of the branch in front of what is shown; returns its answers by id. */
  async #showBranch(address: string): Promise<Map<string, Answer>> {
    const { results, previous } = await this.#http.json<Listed<Message>>(address);
    const answers = new Map<string, Answer>();
    const items = results.map((message) => {
      if (message.role !== "assistant") return wordsOf(message.content, this.#words);
      const answer = this.#newAnswer();
      answer.store(message);
      answers.set(message.id, answer);
      return answer.item;
    });
    this.#list.prepend(...(previous ? [] : this.#greeted()), ...items);
    this.#before = previous ? new URL(previous).pathname + new URL(previous).search : "";
    this.#earlier.hidden = !previous;
    return answers;
  }

  /** What was said before the first message, if anything was. */
  #greeted(): HTMLElement[] {
    if (!this.#greeting) return [];
    const answer = this.#newAnswer();
    answer.greet(this.#greeting);
    return [answer.item];
  }

  async #showEarlier(): Promise<void> {
    const height = this.#frame.scrollHeight;
    await this.#attempt(() => this.#showBranch(this.#before));
    this.#frame.scrollTop += this.#frame.scrollHeight - height;
  }

  // --- Saying something --------------------------------------------------------------------------------------------

  #submit(): void {
    const content = this.#field.value;
    if (this.#isBusy || !content.trim()) return;
    this.#field.value = "";
    this.#start(() => this.#ask(content));
  }

  /** Asks for an answer as soon as its conversation is here, unless one is being written already. */
  #start(asking: () => Promise<void>): void {
    if (this.#isBusy) return;
    this.#setBusy(true, "");
    void this.#go(asking);
  }

  async #ask(content: string): Promise<void> {
    if (this.#generation || this.isClosed) {
      // The conversation that came is being answered, or none came: what was typed waits in the field.
      this.#field.value ||= content;
      return;
    }
    const words = wordsOf(content, this.#words);
    const answer = this.#newAnswer();
    this.#list.append(words, answer.item);
    this.#sticks = true;
    this.#follow();
    try {
      if (!this.#conversation) this.#settle((await this.#chat.createConversation()).id, null);
      const open = this.#chat.sending(this.#conversation, { content, parent: this.#leaf }, crypto.randomUUID());
      await this.#read(answer, open, newRun(), (run) => this.#settle(this.#conversation, run.answer));
    } catch (error) {
      words.remove();
      answer.item.remove();
      this.#field.value ||= content;
      this.#refuse(error);
      this.#setBusy(false, "");
    }
  }

  async #again(message: string): Promise<void> {
    const answer = this.#newAnswer();
    const old = this.#list.lastElementChild;
    old?.replaceWith(answer.item);
    const open = this.#chat.regenerating(message, {}, crypto.randomUUID());
    try {
      await this.#read(answer, open, newRun(), (run) => this.#settle(this.#conversation, run.answer));
    } catch (error) {
      if (old) answer.item.replaceWith(old);
      this.#refuse(error);
      this.#setBusy(false, "");
    }
  }

  /** Follows a run to its end. Throws when it did not even begin. */
  async #read(answer: Answer, open: Open, known: Run, onAccepted: (run: Run) => void): Promise<void> {
    let run = known;
    this.#setBusy(true, known.generation);
    const onRun = (next: Run) => {
      if (!this.#generation && next.generation) {
        this.#setBusy(true, next.generation);
        onAccepted(next);
        this.#say("");
        void this.#showQuota();
        void this.#showChoice().catch(() => undefined);
      }
      run = next;
      answer.show(run);
    };
    const onTrouble = (isLost: boolean) => this.#say(isLost ? this.#words.lost : "");
    try {
      await followRun(open, { onRun, onTrouble, pause, signal: this.#leaving.signal }, known);
      this.#status.textContent = fill(this.#words.answered, { text: answer.item.querySelector(".prose")?.textContent ?? "" });
      void this.#showQuota();
    } catch (error) {
      if (!run.generation) throw error;
      if (this.isClosed) return;
      answer.breakOff(run.text);
      this.#refuse(error);
    } finally {
      this.#setBusy(false, "");
      this.#follow();
    }
  }

  async #stopAnswer(): Promise<void> {
    if (this.#generation) await this.#attempt(() => this.#chat.stop(this.#generation));
  }

  #newAnswer(): Answer {
    const deeds = {
      again: (answer: string) => this.#start(() => this.#again(answer)),
      resume: () => this.#start(() => this.#ask(this.#words.resume)),
    };
    return new Answer(this.#speaker, this.#renderer, this.#words, deeds, () => this.#follow());
  }

  #setBusy(isBusy: boolean, generation: string): void {
    this.#isBusy = isBusy;
    this.#generation = generation;
    this.#send.hidden = isBusy;
    this.#stop.hidden = !isBusy;
    this.#choice.disabled = isBusy;
  }

  #follow(): void {
    if (this.#sticks) this.#frame.scrollTop = this.#frame.scrollHeight;
  }

  // --- Telling ------------------------------------------------------------------------------------------------------

  async #attempt(deed: () => Promise<unknown>): Promise<void> {
    try {
      await deed();
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown): void {
    if (!(error instanceof Problem)) return this.#say(this.#words.notSent);
    this.#say(refusalTold(error, this.#words, this.#words.language));
  }

  #say(text: string): void {
    this.#notice.textContent = text;
    this.#notice.hidden = text === "";
  }

  async #showQuota(): Promise<void> {
    const usage = await this.#chat.usage().catch(() => null);
    if (!usage) return;
    const told = quotaTold(usage, this.#words, this.#words.language);
    this.#quota.textContent = told.filter(Boolean).join(" · ");
  }
}
