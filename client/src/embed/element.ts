// <tertulia-chat api="https://chat.example.org"></tertulia-chat>: the chat inside a foreign page, or as the whole of a
// static one. It keeps to itself in a shadow tree, speaks with the API by bearer tokens, and loads nothing but its own
// files from where this one came from.

import { Http } from "../api/http.ts";
import { storageOf } from "../api/storage.ts";
import { copyWords } from "../render/code.ts";
import { element } from "../render/dom.ts";
import { Bearer, type Tokens } from "./bearer.ts";
import { Doors } from "./doors.ts";
import { Room } from "./room.ts";
import type { EmbedWords } from "./words.ts";

const STYLE = new URL("./embed.css", import.meta.url).href;

export class TertuliaChat extends HTMLElement {
  readonly #body = element("div", { class: "body" });
  #room: Room | null = null;
  /** Who has typed what the room holds. */
  #author = "";

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open" });
    shadow.append(element("link", { rel: "stylesheet", href: STYLE }), this.#body);
  }

  connectedCallback(): void {
    const server = originOf(this.getAttribute("api"));
    if (!server) {
      this.#body.textContent = 'tertulia-chat: the attribute "api" must be the address of a Tertulia server.';
      return;
    }
    void this.#open(server);
  }

  disconnectedCallback(): void {
    this.#room?.close();
  }

  async #open(server: string): Promise<void> {
    const storage = storageOf("sessionStorage");
    const bearer: Bearer = new Bearer(server, storage, () => enter(words?.signedOut));
    const http = new Http(bearer, (url, init) => fetch(url, init));
    let words: EmbedWords | null = null;

    const enter = (hint = "") => {
      if (!words) return;
      this.#room?.close();
      if (bearer.isSignedIn) return void stay(words);
      const doors = new Doors(http, words, (tokens: Tokens) => {
        bearer.keep(tokens);
        enter();
      });
      if (hint) doors.signIn(hint);
      this.#body.replaceChildren(doors.host);
    };

    const stay = async (known: EmbedWords) => {
      const leave = () => {
        void http.json("/accounts/logout", { method: "POST" }).catch(() => undefined);
        bearer.keep(null);
        storage?.removeItem("tertulia:conversation");
        this.#room?.close();
        this.#room = null;
        enter();
      };
      // Of two people at one browser the second does not see what the first had begun to say.
      const draft = bearer.person === this.#author ? (this.#room?.draft ?? "") : "";
      this.#author = bearer.person;
      const room = (this.#room = new Room(http, known, storage, leave));
      room.draft = draft;
      this.#body.replaceChildren(room.host);
      await room.open().catch(() => {
        // A login that ended meanwhile has its own words at the door.
        if (room.isClosed) return;
        room.close();
        this.#fail(known.unreachable, () => enter());
      });
    };

    try {
      words = await http.json<EmbedWords>("/embed/words", { headers: languageOf(this) });
      this.lang = words.language;
      Object.assign(copyWords, { copy: words.copy, copied: words.copied });
      enter();
    } catch {
      // The words are not here to say it in the reader's language.
      this.#fail(`${server}: no connection.`, () => void this.#open(server));
    }
  }

  #fail(text: string, again: () => void): void {
    const button = element("button", { type: "button", class: "primary" }, "↻");
    button.setAttribute("aria-label", "Try again");
    button.addEventListener("click", again);
    this.#body.replaceChildren(element("p", { class: "notice", role: "alert" }, text), button);
  }
}

/** The origin of an http address; null for anything else. */
function originOf(address: string | null): string | null {
  try {
    const url = new URL(address ?? "", document.baseURI);
    return address && /^https?:$/.test(url.protocol) ? url.origin : null;
  } catch {
    return null;
  }
}

/** The page's own language first: the chat should speak as what surrounds it does. An empty `lang` leaves it to the reader. */
function languageOf(host: HTMLElement): Record<string, string> {
  const given = host.getAttribute("lang") ?? document.documentElement.lang;
  return given ? { "Accept-Language": `${given}, ${navigator.languages.join(", ")}` } : {};
}

customElements.define("tertulia-chat", TertuliaChat);
