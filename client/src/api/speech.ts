// The addresses of the speech API that the page uses.

import type { Http } from "./http.ts";

export class SpeechApi {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Part `number` of a message as audio; null behind the last one. Waits while the part is being written. */
  async part(message: string, number: number, signal: AbortSignal): Promise<Blob | null> {
    const url = `/api/messages/${message}/speech/${number}`;
    // The browser keeps it and asks each time whether it is still right: hearing it again costs nothing.
    const response = await this.#http.call(url, { accept: "audio/mpeg", cache: "default", signal });
    return response.status === 204 ? null : await response.blob();
  }

  /** What is said in a recording; empty for silence. */
  async transcribe(recording: Blob, language: string, signal: AbortSignal): Promise<string> {
    const form = new FormData();
    form.append("file", recording, recording.type.includes("mp4") ? "recording.m4a" : "recording.webm");
    form.append("language", language);
    const response = await this.#http.call("/api/transcriptions", { method: "POST", body: form, signal });
    return ((await response.json()) as { text: string }).text;
  }
}
