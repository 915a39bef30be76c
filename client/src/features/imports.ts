// A file that comes in takes its time: the form says so, and is sent once.

import { need } from "../render/dom.ts";

export function startImport(): void {
  const form = document.querySelector<HTMLFormElement>("form[data-import]");
  if (!form) return;
  const busy = need("[data-import-busy]", form);
  form.addEventListener("submit", (event) => {
    if (busy.textContent) event.preventDefault();
    busy.textContent = busy.dataset["words"] ?? "";
  });
  // A page that comes back from the browser's memory is as it was when it was left.
  addEventListener("pageshow", () => (busy.textContent = ""));
}
