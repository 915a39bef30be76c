// The live conversation: what is sent, followed, stopped, branched and attached to. The other features report to it
// through `main`, or are told by its hooks.

import type { Again, Beginning, Chat, Outgoing } from "../api/chat.ts";
import { pause } from "../api/retry.ts";
import { followRun, type Open } from "../api/stream.ts";
import { newRun, type Run } from "../model/generation.ts";
import { Thread } from "../model/thread.ts";
import { need } from "../render/dom.ts";
import type { MarkdownRenderer } from "../render/markdown.ts";
import type { EndOfThread } from "../render/scroll.ts";
import { AnswerView, enhanceTurns, makeWords, nameTurn, readTurns } from "../render/turns.ts";
import type { Words } from "../words.ts";

/** What happens to a run, for whoever wants to show it elsewhere. */
export interface Hooks {
  /** How a conversation that begins now shall begin. */
  beginning: () => Beginning;
  onBusy: (isBusy: boolean) => void;
  onConversation: (id: string) => void;
  onStarted: (conversation: string, generation: string) => void;
  onEnded: (run: Run, view: AnswerView) => void;
  onTrouble: (isLost: boolean) => void;
  /** The rest of an answer that had begun could not be had. */
  onBroken: (error: unknown) => void;
}

/** The run that the page follows; its id is empty until the server has told it. */
interface Running {
  generation: string;
}

/** How a run is opened, and what the page does once the server has given it ids. */
interface Opening {
  open: Open;
  accepted: (run: Run) => void;
}

export class LiveConversation {
  readonly #chat: Chat;
  readonly #renderer: MarkdownRenderer;
  readonly #words: Words;
  readonly #end: EndOfThread;
  readonly #hooks: Hooks;
  readonly #list = need("#thread");
  readonly #views = new Map<string, AnswerView>();
  #thread: Thread;
  #running: Running | null = null;

  conversation: string;

  constructor(
    conversation: string,
    chat: Chat,
    tools: { renderer: MarkdownRenderer; words: Words; end: EndOfThread; hooks: Hooks },
  ) {
    this.conversation = conversation;
    this.#chat = chat;
    this.#renderer = tools.renderer;
    this.#words = tools.words;
    this.#end = tools.end;
    this.#hooks = tools.hooks;
    this.#thread = new Thread(readTurns(this.#list.children));
    enhanceTurns(this.#list);
  }

  get isBusy(): boolean {
    return this.#running !== null;
  }

  /** The Markdown of an answer that was written while the page was open. */
  textOf(answer: string): string | null {
    return this.#views.get(answer)?.text ?? null;
  }

  /** Follows the run that the server's page says is alive. */
  async attach(): Promise<void> {
    const item = this.#list.querySelector<HTMLElement>('[data-generation]:not([data-generation=""])');
    if (!item || this.isBusy) return;
    const view = new AnswerView(item, this.#renderer, this.#words, () => this.#end.follow());
    const generation = item.dataset["generation"] ?? "";
    const opening = { open: this.#chat.following(), accepted: () => undefined };
    await this.#follow(view, opening, newRun(generation));
  }

  /** Sends a message at the end of the branch. Throws Problem or Unreachable when it was not accepted. */
  async send(outgoing: Outgoing): Promise<void> {
    const isNew = !this.conversation;
    const words = makeWords(outgoing.content);
    const view = this.#newAnswer(outgoing.model);
    const welcome = document.querySelector<HTMLElement>("#welcome");
    this.#list.append(words, view.item);
    if (welcome) welcome.hidden = true;
    this.#end.go();
    const takeBack = () => {
      words.remove();
      view.item.remove();
      if (!isNew) return;
      if (welcome) welcome.hidden = false;
      this.#forgetConversation();
    };
    await this.#begin(view, takeBack, async () => {
      if (isNew) this.#settle((await this.#chat.createConversation(this.#hooks.beginning())).id);
      const parent = this.#thread.leaf?.id ?? null;
      const open = this.#chat.sending(this.conversation, { ...outgoing, parent }, crypto.randomUUID());
      const accepted = (run: Run) => {
        this.#thread = this.#thread.append(run.userMessage, "user").append(run.answer, "assistant");
        this.#name(words, run.userMessage, parent ?? "");
        this.#name(view.item, run.answer, run.userMessage);
      };
      return { open, accepted };
    });
  }

  /** Another answer to the words that `message` (an answer, or the words themselves) belongs to. */
  async regenerate(message: string, again: Again): Promise<void> {
    const turn = this.#thread.find(message);
    if (!turn || this.isBusy) return;
    const old = turn.role === "assistant" ? turn : null;
    const asked = this.#item(message).dataset[old ? "parent" : "id"] ?? "";
    const view = this.#newAnswer(again.model);
    const putBack = this.#replaceFrom(old ? message : "", [view.item]);
    await this.#begin(view, putBack, async () => ({
      open: this.#chat.regenerating(message, again, crypto.randomUUID()),
      accepted: (run) => {
        this.#thread = old ? this.#thread.branch(old.id, run.answer) : this.#thread.append(run.answer, "assistant");
        this.#name(view.item, run.answer, asked);
      },
    }));
  }

  /** A new wording of the user's message, beside the old one. */
  async edit(message: string, outgoing: Outgoing): Promise<void> {
    if (!this.#thread.find(message) || this.isBusy) return;
    const parent = this.#item(message).dataset["parent"] ?? "";
    const words = makeWords(outgoing.content);
    const view = this.#newAnswer(outgoing.model);
    const putBack = this.#replaceFrom(message, [words, view.item]);
    this.#end.go();
    await this.#begin(view, putBack, async () => ({
      open: this.#chat.sending(this.conversation, { ...outgoing, parent: parent || null }, crypto.randomUUID()),
      accepted: (run) => {
        this.#thread = this.#thread.branch(message, run.userMessage).append(run.answer, "assistant");
        this.#name(words, run.userMessage, parent);
        this.#name(view.item, run.answer, run.userMessage);
      },
    }));
  }

  /** Asks for the end of the live answer; what it has said stays. Its own end event changes the page. */
  async stop(): Promise<void> {
    if (this.#running?.generation) await this.#chat.stop(this.#running.generation);
  }

  /** Shows a thread that was fetched anew, and follows what is alive in it. */
  show(items: readonly Element[]): void {
    this.#list.replaceChildren(...items.map((item) => document.adoptNode(item)));
    this.#thread = new Thread(readTurns(this.#list.children));
    enhanceTurns(this.#list);
    this.#end.follow();
    void this.attach().catch(() => undefined); // what cannot be followed stays as the server rendered it
  }

  /** Adds earlier messages in front. */
  prepend(items: readonly Element[]): void {
    const fresh = items.filter((item) => !document.getElementById(item.id)).map((item) => document.adoptNode(item));
    for (const item of fresh) enhanceTurns(item); // not those that are shown: going far back would cost its square
    this.#list.prepend(...fresh);
    this.#thread = this.#thread.prepend(readTurns(fresh));
  }

  /** Follows what `prepare` opens; `takeBack` undoes on the page what was not accepted. Throws why it was not. */
  async #begin(view: AnswerView, takeBack: () => void, prepare: () => Promise<Opening>): Promise<void> {
    this.#setRunning({ generation: "" });
    try {
      await this.#follow(view, await prepare(), newRun());
    } catch (error) {
      takeBack();
      throw error;
    } finally {
      this.#setRunning(null);
    }
  }

  async #follow(view: AnswerView, { open, accepted }: Opening, known: Run): Promise<void> {
    const running = { generation: known.generation };
    let run = known;
    this.#setRunning(running);
    const onRun = (next: Run) => {
      run = next;
      if (!running.generation) {
        running.generation = run.generation;
        this.#views.set(run.answer, view);
        accepted(run);
        this.#hooks.onStarted(this.conversation, run.generation);
      }
      view.show(run);
    };
    const signal = new AbortController().signal; // leaving the page ends the connection
    try {
      await followRun(open, { onRun, signal, pause, onTrouble: this.#hooks.onTrouble }, known);
      this.#hooks.onEnded(run, view);
    } catch (error) {
      if (!running.generation) throw error;
      view.breakOff();
      this.#hooks.onBroken(error);
    } finally {
      this.#setRunning(null);
      this.#end.follow();
    }
  }

  #setRunning(running: Running | null): void {
    this.#running = running;
    this.#hooks.onBusy(running !== null);
  }

  #newAnswer(model?: string): AnswerView {
    return AnswerView.make(this.#renderer, this.#words, () => this.#end.follow(), model);
  }

  #name(item: HTMLElement, id: string, parent: string): void {
    const turn = this.#thread.find(id);
    if (turn) nameTurn(item, turn, this.conversation, parent);
  }

  #item(id: string): HTMLElement {
    return need(`#m-${CSS.escape(id)}`);
  }

  /** Puts `fresh` in the place of a message and of all that follows; returns how to undo it. */
  #replaceFrom(message: string, fresh: readonly HTMLElement[]): () => void {
    const items = [...this.#list.children];
    const from = message ? items.indexOf(this.#item(message)) : items.length;
    const gone = items.slice(from);
    for (const item of gone) item.remove();
    this.#list.append(...fresh);
    this.#end.follow();
    return () => {
      for (const item of fresh) item.remove();
      this.#list.append(...gone);
    };
  }

  /** The page becomes that of a conversation. */
  #settle(id: string): void {
    this.conversation = id;
    this.#hooks.onConversation(id);
  }

  /** A conversation that was made for a message which was then refused. */
  #forgetConversation(): void {
    const id = this.conversation;
    if (!id) return;
    this.#settle("");
    void this.#chat.deleteConversation(id).catch(() => undefined); // empty, so harmless if it stays
  }
}
