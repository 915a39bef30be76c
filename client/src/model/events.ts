// The events of a run as they come over the wire, checked once where they enter.

/** A passage that the answer quotes under the marker `[n]` of its text. */
export interface Source {
  marker: number;
  kind: string;
  id: string;
  text: string;
  speaker: string;
  work: string;
  language: string;
  url: string;
}

export type Ending = "complete" | "stopped" | "interrupted" | "failed";

export interface Start {
  kind: "start";
  generation: string;
  userMessage: string;
  answer: string;
}

export interface Text {
  kind: "delta" | "reasoning";
  text: string;
}

export interface Sources {
  kind: "sources";
  sources: readonly Source[];
}

export interface End {
  kind: "end";
  status: Ending;
  /** Code points of the stored answer. */
  length: number;
  /** Why the model ended the answer too early (OpenAI's `finish_reason`); empty when it came to an end of its own. */
  cut: string;
  error: string;
}

export interface Other {
  kind: "other";
}

/** `position` is the one after the event. */
export type WireEvent = (Start | Text | Sources | End | Other) & { position: number };

/** A server-sent event as the decoder gives it. */
export interface RawEvent {
  id: string;
  event: string;
  data: string;
}

const ENDINGS: ReadonlySet<string> = new Set(["complete", "stopped", "interrupted", "failed"]);

/** The event in typed form; a kind that this client does not know is `other`. Throws SyntaxError on a broken one. */
export function parseEvent(raw: RawEvent): WireEvent {
  const position = Number(raw.id);
  if (!Number.isSafeInteger(position) || position < 0) throw new SyntaxError(`event id ${raw.id}`);
  const data = asRecord(JSON.parse(raw.data));
  return { ...body(raw.event, data), position };
}

function body(kind: string, data: Record<string, unknown>): Start | Text | Sources | End | Other {
  switch (kind) {
    case "start":
      return {
        kind,
        generation: asText(data["generation"]),
        userMessage: asText(data["user_message"]),
        answer: asText(data["answer"]),
      };
    case "delta":
    case "reasoning":
      return { kind, text: asText(data["text"]) };
    case "sources":
      return { kind, sources: asList(data["sources"]).map(source) };
    case "end":
      return { kind, status: ending(data["status"]), length: Number(data["length"]), cut: cutOf(data["finish_reason"]), error: asText(data["error"]) };
    default:
      return { kind: "other" };
  }
}

function source(value: unknown): Source {
  const data = asRecord(value);
  return {
    marker: Number(data["marker"]),
    kind: asText(data["kind"]),
    id: asText(data["id"]),
    text: asText(data["text"]),
    speaker: asText(data["speaker"]),
    work: asText(data["work"]),
    language: asText(data["language"]),
    url: asText(data["url"]),
  };
}

function cutOf(finishReason: unknown): string {
  return finishReason === "stop" ? "" : asText(finishReason);
}

function ending(value: unknown): Ending {
  if (typeof value === "string" && ENDINGS.has(value)) return value as Ending;
  throw new SyntaxError(`status ${String(value)}`);
}

function asRecord(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw new SyntaxError("an object is expected");
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
