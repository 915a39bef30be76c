// The form of a character: how it begins and what it looks like, shown while it is written.

import { Blocks } from "../model/blocks.ts";
import { expanded } from "../model/macros.ts";
import { element, need } from "../render/dom.ts";
import { MarkdownRenderer } from "../render/markdown.ts";

/** Degrees of the colour wheel in one step of the style sheet; as in web/portraits.py. */
const TINT_DEGREES = 10;
/** Milliseconds without a key before the greeting is set anew. */
const PAUSE = 120;
/** CSS pixels of the face in the form. */
const FACE_SIDE = 112;

export function startCharacterForm(): void {
  const form = document.querySelector<HTMLFormElement>("[data-character-form]");
  if (form) new CharacterForm(form).start();
}

class CharacterForm {
  readonly #form: HTMLFormElement;
  readonly #preview: HTMLElement;
  readonly #looks: HTMLElement;
  readonly #renderer = new MarkdownRenderer({ image: "" });
  #waiting = 0;
  #isChanged = false;

  constructor(form: HTMLFormElement) {
    this.#form = form;
    this.#preview = need("#preview", form);
    this.#looks = need("#looks", form);
  }

  start(): void {
    this.#form.addEventListener("input", (event) => this.#change(event.target as HTMLElement));
    this.#form.addEventListener("submit", () => (this.#isChanged = false));
    for (const button of this.#form.querySelectorAll<HTMLElement>("[data-another]")) {
      button.addEventListener("click", (event) => {
        event.preventDefault();
        this.#addAnother(button.dataset["another"] ?? "");
      });
    }
    window.addEventListener("beforeunload", (event) => {
      if (this.#isChanged) event.preventDefault(); // the browser asks whether to leave
    });
  }

  #change(field: HTMLElement): void {
    this.#isChanged = true;
    field.removeAttribute("aria-invalid");
    if (field.id === "lorebook") this.#tick("lorebook_as_json"); // whoever writes the JSON means it
    if (field.id === "hue") this.#showColour();
    else if (field.id === "picture") void this.#showPicture(field as HTMLInputElement);
    else if (["name", "nickname", "greeting"].includes(field.id)) this.#showWordsSoon();
  }

  /** One more empty row of fields behind the last one; the last one, while nothing is in it. */
  #addAnother(name: string): void {
    const rows = need(`[data-rows="${name}"]`, this.#form);
    let last = rows.lastElementChild as HTMLElement;
    if (last.querySelector("textarea")?.value.trim() && rows.childElementCount < Number(rows.dataset["most"])) {
      last = rows.appendChild(emptied(last, rows.childElementCount));
      const count = this.#form.querySelector<HTMLInputElement>(`[name="${name}-rows"]`);
      if (count) count.value = String(rows.childElementCount);
    }
    last.querySelector<HTMLElement>("input, textarea")?.focus();
  }

  #showColour(): void {
    const tint = String(Math.floor(Number(this.#value("hue")) / TINT_DEGREES));
    for (const part of [this.#preview, this.#looks, ...this.#looks.querySelectorAll<HTMLElement>(".monogram")]) {
      part.dataset["tint"] = tint;
    }
  }

  /** Drawn, because the content security policy lets pictures come from the server only. */
  async #showPicture(field: HTMLInputElement): Promise<void> {
    const [file] = field.files ?? [];
    if (!file) return;
    const face = need(".face", this.#looks);
    const side = 2 * FACE_SIDE; // for dense screens
    const canvas = element("canvas", { class: face.className, width: String(side), height: String(side) });
    try {
      const picture = await createImageBitmap(file);
      const scale = side / Math.min(picture.width, picture.height);
      const [width, height] = [picture.width * scale, picture.height * scale];
      canvas.getContext("2d")?.drawImage(picture, (side - width) / 2, (side - height) / 2, width, height);
      face.replaceWith(canvas);
    } catch {
      // No picture that this browser knows; the server says what is wrong with it.
    }
  }

  #showWordsSoon(): void {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#showWords(), PAUSE);
  }

  #showWords(): void {
    const name = this.#value("name").trim();
    const said = expanded(this.#value("greeting"), this.#value("nickname").trim() || name, this.#preview.dataset["user"] ?? "");
    need("[data-preview-name]", this.#preview).textContent = name;
    need("[data-preview-greeting]", this.#preview).replaceChildren(...this.#rendered(said));
    need("[data-preview-empty]", this.#preview).hidden = said.trim() !== "";
    const monogram = this.#looks.querySelector("span.monogram");
    if (monogram) monogram.textContent = [...name].find((each) => /[\p{L}\p{N}]/u.test(each))?.toUpperCase() ?? "·";
  }

  #tick(name: string): void {
    const box = this.#form.querySelector<HTMLInputElement>(`[name=${name}]`);
    if (box) box.checked = true;
  }

  #rendered(text: string): Node[] {
    const blocks = new Blocks();
    return this.#renderer.fresh().blocks([...blocks.append(text).closed, ...blocks.finish()]);
  }

  #value(name: string): string {
    return need<HTMLInputElement | HTMLTextAreaElement>(`#${name}`, this.#form).value;
  }
}

/** A copy of a row with nothing in its fields; `number`, counted from 0, tells them from those of other rows. */
function emptied(row: HTMLElement, number: number): HTMLElement {
  const copy = row.cloneNode(true) as HTMLElement;
  copy.removeAttribute("id");
  for (const part of copy.querySelectorAll<HTMLElement>("[id], [for], [name]")) {
    for (const attribute of ["id", "for", "name"]) {
      const value = part.getAttribute(attribute);
      const isShared = attribute === "name" && !/\d/.test(value ?? "");
      if (value && !isShared) part.setAttribute(attribute, numbered(value, number));
    }
    if (part instanceof HTMLTextAreaElement || (part instanceof HTMLInputElement && part.type !== "checkbox")) part.value = "";
    if (part instanceof HTMLInputElement) part.checked = false;
  }
  return copy;
}

/** `lore-3-keys` of another row; a name without a number gets one. */
function numbered(name: string, number: number): string {
  return /\d/.test(name) ? name.replace(/\d+/, String(number)) : `${name}-${number}`;
}
