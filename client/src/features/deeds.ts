// What one can do with a message: copy it, judge it, have it answered anew, word it differently.

import type { Chat } from "../api/chat.ts";
import { need } from "../render/dom.ts";
import type { Words } from "../words.ts";

export interface Handlers {
  again: (message: string) => void;
  resume: () => void;
  edit: (message: string, content: string) => void;
  textOf: (answer: string) => string | null;
  refused: (error: unknown) => void;
  say: (text: string) => void;
}

/** Listens on the thread for all its messages, present and future. */
export function listenForDeeds(thread: HTMLElement, chat: Chat, words: Words, handlers: Handlers): void {
  thread.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLButtonElement>("button");
    const turn = button?.closest<HTMLElement>(".turn");
    if (!button || !turn) return;
    const id = turn.dataset["id"] ?? "";
    if (button.matches("[data-copy]")) void copy(turn, id);
    else if (button.matches("[data-edit-cancel]")) closeEditor(turn);
    else if (button.matches("[data-feedback]")) act(event, () => judge(turn, button, id));
    else if (button.matches("[data-again]")) act(event, () => handlers.again(id));
    else if (button.matches("[data-resume]")) act(event, () => handlers.resume());
  });

  thread.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (!form.matches("[data-edit]")) return;
    event.preventDefault();
    const turn = form.closest<HTMLElement>(".turn");
    const content = need<HTMLTextAreaElement>("textarea", form).value;
    if (turn && content.trim()) handlers.edit(turn.dataset["id"] ?? "", content);
  });

  thread.addEventListener("toggle", ({ target }) => beginEditing(target as HTMLDetailsElement), true); // it does not bubble

  function act(event: Event, deed: () => void): void {
    event.preventDefault();
    deed();
  }

  function judge(turn: HTMLElement, button: HTMLButtonElement, id: string): void {
    const isTakenBack = button.getAttribute("aria-pressed") === "true";
    const feedback = isTakenBack ? null : (button.dataset["feedback"] as "up" | "down");
    const show = (shown: string | null) => {
      for (const each of turn.querySelectorAll<HTMLElement>("[data-feedback]")) {
        each.setAttribute("aria-pressed", String(each.dataset["feedback"] === shown));
      }
    };
    const before = turn.querySelector<HTMLElement>('[data-feedback][aria-pressed="true"]')?.dataset["feedback"] ?? null;
    show(feedback);
    chat.giveFeedback(id, feedback).catch((error: unknown) => {
      show(before);
      handlers.refused(error);
    });
  }

  async function copy(turn: HTMLElement, id: string): Promise<void> {
    const here = turn.dataset["role"] === "user" ? need(".bubble", turn).textContent : handlers.textOf(id);
    try {
      await toClipboard(here === null ? chat.message(id).then((message) => message.content) : Promise.resolve(here));
      handlers.say(words.copied);
    } catch (error) {
      handlers.refused(error);
    }
  }
}

/** A text that may have to be fetched: the promise goes to the clipboard, which Safari allows only within the click. */
function toClipboard(text: Promise<string>): Promise<void> {
  const blob = text.then((each) => new Blob([each], { type: "text/plain" }));
  return navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
}

function beginEditing(editor: HTMLDetailsElement): void {
  if (!editor.matches(".edit[open]")) return;
  const field = need<HTMLTextAreaElement>("textarea", editor);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}

function closeEditor(turn: HTMLElement): void {
  const editor = need<HTMLDetailsElement>(".edit", turn);
  editor.open = false;
  need("summary", editor).focus();
}
