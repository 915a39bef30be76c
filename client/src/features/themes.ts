// Light or dark without loading the page anew; the form's own address remembers it.

import type { Http } from "../api/http.ts";

export function startThemes(http: Http): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("[data-themes]")) {
    form.addEventListener("submit", (event) => {
      const button = event.submitter as HTMLButtonElement | null;
      if (!button) return;
      event.preventDefault();
      document.documentElement.dataset["theme"] = button.value;
      for (const each of form.querySelectorAll("button")) each.removeAttribute("aria-current");
      button.setAttribute("aria-current", "true");
      remember(http, form, button);
    });
  }
}

function remember(http: Http, form: HTMLFormElement, button: HTMLButtonElement): void {
  const body = new FormData(form, button);
  http.post(form.action, body).catch(() => form.submit());
}
