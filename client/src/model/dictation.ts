// What the microphone button does: one press begins, and a short one is a tap (the next press ends the recording),
// a long one is held (letting go ends it). No DOM, no microphone.

export type Dictation =
  | { readonly state: "idle" }
  | { readonly state: "asking"; readonly pressed: number | null; readonly ended: boolean }
  | { readonly state: "recording"; readonly pressed: number | null; readonly since: number }
  | { readonly state: "writing" };

/** Times in milliseconds. `granted` and `refused` answer for the microphone; `written` for the server. */
export type Happening =
  | { readonly kind: "press" | "release" | "granted"; readonly at: number }
  | { readonly kind: "cancel" | "refused" | "written" | "full" };

/** What the page has to do now. */
export type Deed = "open" | "record" | "discard" | "send" | "none";

/** A press that lasts so long is held. */
export const HOLD_MS = 400;

export const IDLE: Dictation = { state: "idle" };

const WRITING: Dictation = { state: "writing" };

/** The next state and the deed that leads there. What does not fit the state changes nothing. */
export function next(now: Dictation, happening: Happening): [Dictation, Deed] {
  switch (happening.kind) {
    case "press":
      if (now.state === "idle") return [{ state: "asking", pressed: happening.at, ended: false }, "open"];
      if (now.state === "recording") return [WRITING, "send"];
      return [now, "none"];
    case "release":
      return released(now, happening.at);
    case "granted":
      if (now.state !== "asking") return [now, "discard"];
      // Held and let go before the microphone was there: nothing can have been said.
      if (now.ended) return [IDLE, "discard"];
      return [{ state: "recording", pressed: now.pressed, since: happening.at }, "record"];
    case "full":
      return now.state === "recording" ? [WRITING, "send"] : [now, "none"];
    case "cancel":
      return now.state === "idle" ? [now, "none"] : [IDLE, "discard"];
    case "refused":
    case "written":
      return [IDLE, "none"];
  }
}

function released(now: Dictation, at: number): [Dictation, Deed] {
  if (now.state !== "asking" && now.state !== "recording") return [now, "none"];
  if (now.pressed === null) return [now, "none"];
  const isHeld = at - now.pressed >= HOLD_MS;
  if (!isHeld) return [{ ...now, pressed: null }, "none"];
  return now.state === "asking" ? [{ ...now, pressed: null, ended: true }, "none"] : [WRITING, "send"];
}

/** Seconds as minutes and seconds. */
export function clockOf(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

/** The loudness of samples (-1 to 1) on a scale from 0 to 1 that the eye follows: 60 dB from bottom to top. */
export function levelOf(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < samples.length; index++) sum += (samples[index] ?? 0) ** 2;
  const decibels = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-12);
  return Math.min(1, Math.max(0, (decibels + 60) / 60));
}
