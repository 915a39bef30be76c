// The only caller of fetch: same origin, session cookie, CSRF token, problems as exceptions.

import { problemOf, Unreachable } from "./problem.ts";

export interface Call {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  accept?: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Where requests take their CSRF token from. */
export interface Csrf {
  token: string;
  /** Fetches the present token; false when there is no session any more. Signing in in another tab makes a new one. */
  renew: (get: Fetch) => Promise<boolean>;
}

/** The server's API. */
export class Http {
  readonly #csrf: Csrf;
  readonly #fetch: Fetch;

  constructor(csrf: Csrf, fetch: Fetch) {
    this.#csrf = csrf;
    this.#fetch = fetch;
  }

  /** A response with a status below 400; throws Problem or Unreachable, and AbortError when aborted. */
  async call(url: string, call: Call = {}): Promise<Response> {
    let response = await this.#reach(url, this.#init(call));
    if (response.status === 403 && (await this.#csrf.renew(this.#fetch))) {
      response = await this.#reach(url, this.#init(call));
    }
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  async json<T>(url: string, call: Call = {}): Promise<T> {
    const response = await this.call(url, call);
    return (response.status === 204 ? null : await response.json()) as T;
  }

  /** Posts a form as its own submission would. */
  async post(url: string, form: FormData): Promise<void> {
    const body = new URLSearchParams([...form].map(([name, value]) => [name, String(value)]));
    const response = await this.#reach(url, { method: "POST", body, credentials: "same-origin", redirect: "manual" });
    if (response.type !== "opaqueredirect" && !response.ok) throw await problemOf(response);
  }

  #init(call: Call): RequestInit {
    const headers: Record<string, string> = { Accept: call.accept ?? "application/json", ...call.headers };
    const method = call.method ?? "GET";
    if (method !== "GET") headers["X-CSRFToken"] = this.#csrf.token;
    if (call.body !== undefined) headers["Content-Type"] = "application/json";
    const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
    if (call.body !== undefined) init.body = JSON.stringify(call.body);
    if (call.signal) init.signal = call.signal;
    return init;
  }

  async #reach(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(url, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new Unreachable(error);
    }
  }
}
