// The login of a chat on a foreign page: bearer tokens, kept for this tab only.
//
// Whatever runs on the foreign page's origin can read them there, as it can read everything else that its visitor types.
// They are kept for the tab, not for the browser, so that closing it ends what a script could find.

import type { Carrier, Fetch } from "../api/http.ts";
import { Unreachable } from "../api/problem.ts";

export interface Tokens {
  access: string;
  refresh: string;
}

export class Bearer implements Carrier {
  readonly server: string;
  readonly credentials = "omit";
  readonly stale = 401;
  readonly #storage: Storage | null;
  readonly #onEnded: () => void;
  #tokens: Tokens | null;
  #renewing: Promise<boolean> | null = null;

  /** `onEnded` is called when the login has ended without this page's doing. */
  constructor(server: string, storage: Storage | null, onEnded: () => void) {
    this.server = server;
    this.#storage = storage;
    this.#onEnded = onEnded;
    this.#tokens = this.#read();
  }

  get isSignedIn(): boolean {
    return this.#tokens !== null;
  }

  /** Whose login it is: the subject of its token (RFC 7519, 4.1.2); empty for nobody's. */
  get person(): string {
    const payload = this.#tokens?.access.split(".")[1] ?? "";
    try {
      const claims = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { sub?: unknown };
      return typeof claims.sub === "string" ? claims.sub : "";
    } catch {
      return "";
    }
  }

  /** Keeps a login; null forgets it. */
  keep(tokens: Tokens | null): void {
    this.#tokens = tokens;
    try {
      if (tokens) this.#storage?.setItem(this.#key, JSON.stringify({ access: tokens.access, refresh: tokens.refresh }));
      else this.#storage?.removeItem(this.#key);
    } catch {
      // Full or forbidden: the login lasts until the page is left.
    }
  }

  sign = (): Record<string, string> => (this.#tokens ? { Authorization: `Bearer ${this.#tokens.access}` } : {});

  /** A refresh token works once, so requests that were refused together wait for the same new one. */
  renew = (get: Fetch): Promise<boolean> => {
    this.#renewing ??= this.#renew(get).finally(() => (this.#renewing = null));
    return this.#renewing;
  };

  async #renew(get: Fetch): Promise<boolean> {
    if (!this.#tokens) return false;
    const body = JSON.stringify({ refresh: this.#tokens.refresh });
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    const init: RequestInit = { method: "POST", headers, body, credentials: "omit", cache: "no-store" };
    const response = await get(`${this.server}/accounts/refresh`, init).catch((error: unknown) => {
      throw new Unreachable(error);
    });
    if (response.ok) {
      this.keep((await response.json()) as Tokens);
      return true;
    }
    if (response.status < 500) {
      this.keep(null);
      this.#onEnded();
    }
    return false;
  }

  get #key(): string {
    return `tertulia:login:${this.server}`;
  }

  #read(): Tokens | null {
    try {
      const value = JSON.parse(this.#storage?.getItem(this.#key) ?? "null") as Partial<Tokens> | null;
      const { access, refresh } = value ?? {};
      return typeof access === "string" && typeof refresh === "string" ? { access, refresh } : null;
    } catch {
      return null;
    }
  }
}
