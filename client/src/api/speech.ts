// The addresses of the speech API that the page uses.

import { type Sound, takenIn } from "../model/speech.ts";
import type { Http } from "./http.ts";
import { Problem, Unreachable } from "./problem.ts";
import { backoff, pause } from "./retry.ts";

/** How often a recording is sent: six seconds or so of waiting, enough for a server that starts anew. */
const TRIES = 6;

export class SpeechApi {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Part `number` of a message, from its first byte on; null behind the last one. Waits while it is being written. */
  async part(message: string, number: number, signal: AbortSignal): Promise<Sound | null> {
    const url = `/api/messages/${message}/speech/${number}`;
    // The browser keeps it and asks each time whether it is still right: hearing it again costs nothing.
    const response = await this.#http.call(url, { accept: "audio/mpeg", cache: "default", signal });
    return response.status === 204 || !response.body ? null : takenIn(response.body);
  }

  /** What is said in a recording; empty for silence. It cannot be said again so easily: a short outage is waited for. */
  async transcribe(recording: Blob, language: string, signal: AbortSignal): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#written(recording, language, signal);
      } catch (error) {
        if (attempt === TRIES || !isShort(error)) throw error;
        await pause(backoff(attempt), signal);
      }
    }
  }

  async #written(recording: Blob, language: string, signal: AbortSignal): Promise<string> {
    const form = new FormData();
    form.append("file", recording, recording.type.includes("mp4") ? "recording.m4a" : "recording.webm");
    form.append("language", language);
    const response = await this.#http.call("/api/transcriptions", { method: "POST", body: form, signal });
    return ((await response.json()) as { text: string }).text;
  }
}

/** Whether the same request may soon succeed: no connection, or all recognisers busy. */
function isShort(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Problem && error.status === 503);
}
