// The form at the foot of the chat: keys, size, drafts, parameters, notices, Send or Stop.

import type { Beginning, Outgoing, Parameters } from "../api/chat.ts";
import { Problem } from "../api/problem.ts";
import type { Drafts } from "../model/draft.ts";
import { sends } from "../model/keys.ts";
import { element, need } from "../render/dom.ts";
import { refusalTold } from "../render/telling.ts";
import type { Words } from "../words.ts";

const NUMBERS = ["temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty", "seed"];

export interface Deeds {
  send: (outgoing: Outgoing) => void;
  stop: () => void;
}

export class Composer {
  readonly form = need<HTMLFormElement>("#composer");
  readonly #field = need<HTMLTextAreaElement>("#content");
  readonly #notice = need("#composer-notice");
  readonly #send = need<HTMLButtonElement>("#send");
  readonly #stop = need<HTMLButtonElement>("#stop");
  readonly #drafts: Drafts;
  readonly #words: Words;
  #conversation: string;
  #isBusy = false;
  #submitted = "";

  constructor(conversation: string, drafts: Drafts, words: Words, deeds: Deeds) {
    this.#conversation = conversation;
    this.#drafts = drafts;
    this.#words = words;
    this.#restoreDraft();
    this.#listen(deeds);
    this.#fit();
  }

  /** Which draft is kept from now on. */
  set conversation(id: string) {
    this.#conversation = id;
  }

  set isBusy(isBusy: boolean) {
    const gone = isBusy ? this.#send : this.#stop;
    const isLeft = document.activeElement === gone;
    this.#isBusy = isBusy;
    this.#send.hidden = isBusy;
    this.#stop.hidden = !isBusy;
    if (isLeft) this.focus();
  }

  /** Who shall answer in a new conversation, as the page says it in hidden fields. */
  get beginning(): Beginning {
    const data = new FormData(this.form);
    const instance = String(data.get("instance") ?? "");
    return instance ? { instance, greeting: Number(data.get("greeting") ?? 0) } : {};
  }

  /** Which of its greetings the instance shall begin with. */
  set greeting(number: string) {
    need<HTMLInputElement>("[name=greeting]", this.form).value = number;
  }

  /** The model and the parameters as they are set. */
  options(): Pick<Outgoing, "model" | "parameters"> {
    const data = new FormData(this.form);
    const parameters: Record<string, number | string[]> = {};
    for (const name of NUMBERS) {
      const text = String(data.get(name) ?? "").trim();
      if (text) parameters[name] = Number(text);
    }
    const stop = String(data.get("stop") ?? "").split("\n").filter(Boolean);
    if (stop.length) parameters["stop"] = stop;
    const model = String(data.get("model") ?? "");
    const options: { model?: string; parameters?: Parameters } = {};
    if (model) options.model = model;
    if (Object.keys(parameters).length) options.parameters = parameters;
    return options;
  }

  #submit(content: string, deeds: Deeds): void {
    if (this.#isBusy || !content.trim() || !this.#optionsAreValid()) return;
    this.say("");
    this.#submitted = content;
    deeds.send({ content, ...this.options() });
  }

  /** The message was accepted: its draft, which may have been written before the conversation was, has served. */
  accepted(): void {
    for (const each of ["", this.#conversation]) {
      if (this.#drafts.read(each) === this.#submitted) this.#drafts.write(each, "");
    }
  }

  /** The message was not accepted: its text comes back, unless something else has been typed. */
  giveBack(text: string): void {
    if (!this.#field.value.trim()) this.#field.value = text;
    this.#drafts.write(this.#conversation, this.#field.value);
    this.#fit();
    this.focus();
  }

  /** Says beside the field why something did not work; empty takes it away. */
  say(text: string, link?: { text: string; href: string }): void {
    this.#notice.replaceChildren(text);
    if (link) this.#notice.append(" ", element("a", { href: link.href }, link.text));
    this.#notice.hidden = text === "";
  }

  sayRefused(error: unknown): void {
    if (error instanceof Problem && error.isSignedOut) {
      const next = encodeURIComponent(location.pathname);
      this.say(this.#words.signedOut, { text: this.#words.signIn, href: `/accounts/login?next=${next}` });
    } else if (error instanceof Problem) {
      this.say(refusalTold(error, this.#words));
      this.#markFields(error);
    } else {
      this.say(this.#words.notSent);
    }
  }

  /** The chosen model; empty for the default one. */
  get model(): string {
    return need<HTMLSelectElement>("#model", this.form).value;
  }

  /** Typing goes on here; not on a touch screen, whose keys would cover the answer. */
  focus(): void {
    if (matchMedia("(pointer: coarse)").matches) this.#field.blur();
    else this.#field.focus({ preventScroll: true });
  }

  #listen(deeds: Deeds): void {
    this.#field.addEventListener("input", () => {
      this.#drafts.write(this.#conversation, this.#field.value);
      this.#field.removeAttribute("aria-invalid");
      this.#fit();
    });
    this.#field.addEventListener("keydown", (event) => {
      if (!sends(event)) return;
      event.preventDefault();
      this.#submitField(deeds);
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const { submitter } = event;
      if (submitter === this.#stop) deeds.stop();
      else if (submitter?.matches("[data-opener]")) this.#submitOpener(submitter as HTMLButtonElement, deeds);
      else this.#submitField(deeds);
    });
    need("#model", this.form).addEventListener("change", () => this.#showModel());
    this.#showModel(); // a reload keeps what was chosen
  }

  #submitOpener(opener: HTMLButtonElement, deeds: Deeds): void {
    this.#submit(opener.value, deeds);
    this.focus(); // the opener goes with the welcome
  }

  #submitField(deeds: Deeds): void {
    const content = this.#field.value;
    if (this.#isBusy || !content.trim() || !this.#optionsAreValid()) return;
    this.#field.value = "";
    this.#fit();
    this.#submit(content, deeds);
    this.focus();
  }

  #optionsAreValid(): boolean {
    const wrong = this.form.querySelector<HTMLInputElement>("#options :invalid");
    if (!wrong) return true;
    need<HTMLDetailsElement>("#options").open = true;
    wrong.reportValidity();
    return false;
  }

  #markFields(problem: Problem): void {
    for (const name of Object.keys(problem.errors)) {
      const field = this.form.querySelector(`[name="${CSS.escape(name.replace("parameters.", ""))}"]`);
      field?.setAttribute("aria-invalid", "true");
    }
  }

  #showModel(): void {
    const shown = need("#chosen-model");
    shown.textContent = this.model || (shown.dataset["default"] ?? "");
  }

  /** The draft of this conversation, unless the server gave one back or the last message is it. */
  #restoreDraft(): void {
    this.#drafts.sweep();
    const draft = this.#drafts.read(this.#conversation);
    const last = [...document.querySelectorAll(".words .bubble")].at(-1)?.textContent;
    if (draft.trim() && draft.trim() === last?.trim()) this.#drafts.write(this.#conversation, "");
    else if (draft && !this.#field.value) this.#field.value = draft;
  }

  /** Grows with its text where CSS cannot do it (`field-sizing`). */
  #fit(): void {
    if (CSS.supports("field-sizing", "content")) return;
    this.#field.style.blockSize = "auto";
    this.#field.style.blockSize = `${this.#field.scrollHeight + 2}px`;
  }
}
