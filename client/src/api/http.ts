// The only caller of fetch: credentials of one kind, problems as exceptions.

import { problemOf, Unreachable } from "./problem.ts";

export interface Call {
  method?: "GET" | "POST" | "PATCH" | "DELETE";
  accept?: string;
  /** A form goes as it is, anything else as JSON. */
  body?: unknown;
  /** Whether the browser may keep the answer; by default it does not. */
  cache?: RequestCache;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How requests say who asks: the page's cookie with its CSRF token, or a bearer token. */
export interface Carrier {
  /** Where addresses begin: empty on the server's own pages, else its origin. */
  readonly server: string;
  readonly credentials: RequestCredentials;
  /** The status of a request whose credential has become stale. */
  readonly stale: 401 | 403;
  sign: (method: string) => Record<string, string>;
  /** Gets a fresh credential; false when there is no session any more. */
  renew: (get: Fetch) => Promise<boolean>;
}

/** The server's API. */
export class Http {
  readonly #carrier: Carrier;
  readonly #fetch: Fetch;

  constructor(carrier: Carrier, fetch: Fetch) {
    this.#carrier = carrier;
    this.#fetch = fetch;
  }

  /** A response with a status below 400; throws Problem or Unreachable, and AbortError when aborted. */
  async call(url: string, call: Call = {}): Promise<Response> {
    let response = await this.#reach(url, this.#init(call));
    if (response.status === this.#carrier.stale && (await this.#carrier.renew(this.#fetch))) {
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
    const response = await this.#reach(url, { method: "POST", body, credentials: this.#carrier.credentials, redirect: "manual" });
    if (response.type !== "opaqueredirect" && !response.ok) throw await problemOf(response);
  }

  #init(call: Call): RequestInit {
    const method = call.method ?? "GET";
    const headers: Record<string, string> = {
      Accept: call.accept ?? "application/json",
      ...call.headers,
      ...this.#carrier.sign(method),
    };
    const isForm = call.body instanceof FormData;
    if (call.body !== undefined && !isForm) headers["Content-Type"] = "application/json";
    const { credentials } = this.#carrier;
    const init: RequestInit = { method, headers, credentials, cache: call.cache ?? "no-store" };
    if (call.body !== undefined) init.body = isForm ? (call.body as FormData) : JSON.stringify(call.body);
    if (call.signal) init.signal = call.signal;
    return init;
  }

  async #reach(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(this.#carrier.server + url, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new Unreachable(error);
    }
  }
}
