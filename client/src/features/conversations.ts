// The list of conversations in the sidebar: as the server has it now, and more of it in place.

import type { Http } from "../api/http.ts";
import { need } from "../render/dom.ts";
import { fetchPage } from "../render/page.ts";

/** The page that has the list and no messages: the cost of a new row does not grow with what was said. */
const SHORTEST_PAGE = "/";

export class ConversationList {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Shows the newest conversations; returns the title of `current`, null when it is not among them. */
  async refresh(current: string): Promise<string | null> {
    const fresh = need("#conversations", await fetchPage(this.#http, SHORTEST_PAGE));
    const list = need("#conversations");
    const focused = list.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset["id"] : "";
    list.replaceChildren(...adopted(fresh));
    if (focused) rowOf(list, focused)?.focus();
    const row = rowOf(list, current);
    row?.setAttribute("aria-current", "page");
    return row?.textContent.trim() ?? null;
  }

  /** More of the list, in the place of the link that asked for it. */
  async continue(link: HTMLAnchorElement): Promise<void> {
    const fresh = need("#conversations", await fetchPage(this.#http, link.href));
    fresh.querySelector("[data-newest]")?.remove();
    const first = fresh.querySelector<HTMLElement>("[data-id]");
    const place = link.parentElement ?? link;
    joinGroups(need("#conversations"), fresh, place);
    place.replaceWith(...adopted(fresh));
    first?.focus();
  }
}

function adopted(list: HTMLElement): Node[] {
  return [...list.children].map((node) => document.adoptNode(node));
}

function rowOf(list: HTMLElement, id: string): HTMLElement | null {
  return list.querySelector(`[data-id="${CSS.escape(id)}"]`);
}

/** The group that a page ends in often goes on with the next one: it keeps its one heading. */
function joinGroups(list: HTMLElement, fresh: HTMLElement, place: Element): void {
  const [heading, rows] = fresh.children;
  const known = [...list.querySelectorAll("h2")].at(-1);
  if (!heading || !rows || heading.textContent !== known?.textContent) return;
  place.previousElementSibling?.append(...adopted(rows as HTMLElement));
  heading.remove();
  rows.remove();
}
