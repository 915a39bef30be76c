// The addresses of the chat API that the page uses.

import type { Run } from "../model/generation.ts";
import type { Http } from "./http.ts";
import type { Open } from "./stream.ts";

export interface Parameters {
  readonly [name: string]: number | readonly string[];
}

/** What the composer sends. `parent` null begins a new root; undefined continues where the server's branch ends. */
export interface Outgoing {
  content: string;
  parent?: string | null;
  model?: string;
  parameters?: Parameters;
}

/** Who answers in a new conversation, nobody in particular without `instance`; and with which of its greetings. */
export interface Beginning {
  instance?: string;
  greeting?: number;
}

/** What may differ in another answer to the same words. */
export type Again = Pick<Outgoing, "model" | "parameters">;

export interface Conversation {
  id: string;
  title: string;
  updated_at: string;
}

export interface Usage {
  limit: number | null;
  used: number;
  remaining: number | null;
  resets_at: string;
}

const STREAM = "text/event-stream";

export class Chat {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** An empty conversation. */
  createConversation(beginning: Beginning = {}): Promise<Conversation> {
    return this.#http.json("/api/conversations", { method: "POST", body: beginning });
  }

  conversation(id: string, signal?: AbortSignal): Promise<Conversation> {
    return this.#http.json(`/api/conversations/${id}`, signal ? { signal } : {});
  }

  deleteConversation(id: string): Promise<unknown> {
    return this.#http.json(`/api/conversations/${id}`, { method: "DELETE" });
  }

  message(id: string): Promise<{ content: string }> {
    return this.#http.json(`/api/messages/${id}`);
  }

  usage(): Promise<Usage> {
    return this.#http.json("/api/usage");
  }

  async models(): Promise<string[]> {
    const { results } = await this.#http.json<{ results: { id: string }[] }>("/api/models");
    return results.map((model) => model.id);
  }

  /** Opens the stream of a send: the first connection sends, later ones resume. `key` makes a repeated send harmless. */
  sending(conversation: string, outgoing: Outgoing, key: string): Open {
    return this.#begun(`/api/conversations/${conversation}/messages`, outgoing, key);
  }

  /** The same for another answer to a message. */
  regenerating(message: string, again: Again, key: string): Open {
    return this.#begun(`/api/messages/${message}/regenerate`, again, key);
  }

  /** Opens the stream of a run that is known by its id. */
  following(): Open {
    return (run, signal) => this.#resume(run, signal);
  }

  stop(generation: string): Promise<unknown> {
    return this.#http.json(`/api/generations/${generation}/stop`, { method: "POST" });
  }

  giveFeedback(message: string, feedback: "up" | "down" | null): Promise<unknown> {
    return this.#http.json(`/api/messages/${message}`, { method: "PATCH", body: { feedback } });
  }

  #begun(url: string, body: unknown, key: string): Open {
    return (run, signal) => {
      // Before the start event has come, only the key tells the server that this is the same request.
      if (run.generation) return this.#resume(run, signal);
      const headers = { "Idempotency-Key": key };
      return this.#http.call(url, { method: "POST", accept: STREAM, body, headers, signal });
    };
  }

  #resume(run: Run, signal: AbortSignal): Promise<Response> {
    const headers = { "Last-Event-ID": String(run.position) };
    return this.#http.call(`/api/generations/${run.generation}/events`, { accept: STREAM, headers, signal });
  }
}
