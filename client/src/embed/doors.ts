// The ways in: signing in, the second factor, joining. A form at a time.

import type { Http } from "../api/http.ts";
import { Problem } from "../api/problem.ts";
import { element } from "../render/dom.ts";
import type { Tokens } from "./bearer.ts";
import type { EmbedWords } from "./words.ts";

interface Field {
  name: string;
  label: string;
  type: string;
  autocomplete: AutoFill | "nickname";
}

interface Door {
  address: string;
  action: string;
  fields: Field[];
  /** Sent along with the fields. */
  with?: Record<string, string>;
  hint?: string;
  other?: { label: string; open: () => void };
}

export class Doors {
  readonly host = element("div", { class: "doors" });
  readonly #http: Http;
  readonly #words: EmbedWords;
  readonly #onEntered: (tokens: Tokens) => void;

  constructor(http: Http, words: EmbedWords, onEntered: (tokens: Tokens) => void) {
    this.#http = http;
    this.#words = words;
    this.#onEntered = onEntered;
    this.signIn();
  }

  signIn(hint = ""): void {
    const words = this.#words;
    this.#show({
      address: "/accounts/login",
      action: words.signIn,
      fields: [this.#email(), this.#password("current-password")],
      hint,
      ...(words.mayJoin && { other: { label: words.joinInstead, open: () => this.#join() } }),
    });
  }

  #join(): void {
    const words = this.#words;
    const nickname: Field = { name: "nickname", label: words.nickname, type: "text", autocomplete: "nickname" };
    this.#show({
      address: "/accounts/join",
      action: words.join,
      fields: [this.#email(), nickname, this.#password("new-password")],
      other: { label: words.signInInstead, open: () => this.signIn() },
    });
    this.#focus();
  }

  #askCode(challenge: string): void {
    const words = this.#words;
    this.#show({
      address: "/accounts/login/code",
      action: words.signIn,
      fields: [{ name: "code", label: words.code, type: "text", autocomplete: "one-time-code" }],
      with: { challenge },
      hint: words.codeHint,
      other: { label: words.signInInstead, open: () => this.signIn() },
    });
    this.#focus();
  }

  #email(): Field {
    return { name: "email", label: this.#words.email, type: "email", autocomplete: "username" };
  }

  #password(autocomplete: AutoFill): Field {
    return { name: "password", label: this.#words.password, type: "password", autocomplete };
  }

  #show(door: Door): void {
    const notice = element("p", { class: "notice", role: "status" }, door.hint ?? "");
    notice.hidden = !door.hint;
    const fields = door.fields.map(fieldOf);
    const submit = element("button", { type: "submit", class: "primary" }, door.action);
    const form = element("form", { novalidate: "" }, notice, ...fields, submit);
    if (door.other) {
      const other = element("button", { type: "button", class: "quiet" }, door.other.label);
      other.addEventListener("click", door.other.open);
      form.append(other);
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit.disabled = true;
      void this.#enter(door, form, notice).finally(() => (submit.disabled = false));
    });
    this.host.replaceChildren(form);
  }

  async #enter(door: Door, form: HTMLFormElement, notice: HTMLElement): Promise<void> {
    const given = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)]));
    clearFaults(form);
    try {
      const tokens = await this.#http.json<Tokens>(door.address, { method: "POST", body: { ...given, ...door.with } });
      this.#onEntered(tokens);
    } catch (error) {
      if (error instanceof Problem && error.slug === "mfa_required") return this.#askCode(error.challenge);
      notice.textContent = error instanceof Problem ? error.message : this.#words.unreachable;
      notice.hidden = false;
      if (error instanceof Problem) showFaults(form, error);
    }
  }

  #focus(): void {
    this.host.querySelector("input")?.focus();
  }
}

function fieldOf({ name, label, type, autocomplete }: Field): HTMLElement {
  const input = element("input", { name, type, autocomplete, id: name, required: "" });
  const fault = element("p", { class: "fault", id: `${name}-fault` });
  fault.hidden = true;
  return element("div", { class: "field" }, element("label", { for: name }, label), input, fault);
}

function showFaults(form: HTMLFormElement, problem: Problem): void {
  let first: HTMLInputElement | null = null;
  for (const [name, sentences] of Object.entries(problem.errors)) {
    const input = form.querySelector<HTMLInputElement>(`[name="${CSS.escape(name)}"]`);
    const fault = form.querySelector<HTMLElement>(`#${CSS.escape(name)}-fault`);
    if (!input || !fault) continue;
    fault.textContent = sentences.join(" ");
    fault.hidden = false;
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", fault.id);
    first ??= input;
  }
  first?.focus();
}

function clearFaults(form: HTMLFormElement): void {
  for (const fault of form.querySelectorAll<HTMLElement>(".fault")) fault.hidden = true;
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}
