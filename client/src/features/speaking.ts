// Voice in both directions, where the chat page offers it. `main` is its only caller.

import type { Http } from "../api/http.ts";
import { SpeechApi } from "../api/speech.ts";
import { need } from "../render/dom.ts";
import type { Words } from "../words.ts";
import { startDictation } from "./dictation.ts";
import { startReading } from "./speech.ts";

export function startVoice(http: Http): void {
  const words = JSON.parse(need("#words").textContent ?? "{}") as Words;
  const api = new SpeechApi(http);
  const silence = startReading(need("#thread"), api, words);
  startDictation(api, words, silence); // the microphone would hear the voice
}
