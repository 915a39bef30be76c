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

/** The server's API. `csrf` is read for each request: signing in again in another tab renews it. */
export class Http {
  readonly #csrf: () => string;
  readonly #fetch: Fetch;

  constructor(csrf: () => string, fetch: Fetch) {
    this.#csrf = csrf;
    this.#fetch = fetch;
  }

  /** A response with a status below 400; throws Problem or Unreachable, and AbortError when aborted. */
  async call(url: string, call: Call = {}): Promise<Response> {
    const response = await this.#reach(url, this.#init(call));
    if (!response.ok) throw await problemOf(response);
    return response;
  }

  async json<T>(url: string, call: Call = {}): Promise<T> {
    const response = await this.call(url, call);
    return (response.status === 204 ? null : await response.json()) as T;
  }

  #init(call: Call): RequestInit {
    const headers: Record<string, string> = { Accept: call.accept ?? "application/json", ...call.headers };
    const method = call.method ?? "GET";
    if (method !== "GET") headers["X-CSRFToken"] = this.#csrf();
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
