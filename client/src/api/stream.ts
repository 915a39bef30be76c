// Follows a run to its end over as many connections as it takes, each resumed where the reader has arrived.

import { parseEvent, type WireEvent } from "../model/events.ts";
import { newRun, reduce, type Run } from "../model/generation.ts";
import { Problem, Unreachable } from "./problem.ts";
import { backoff, type Pause } from "./retry.ts";
import { SseDecoder } from "./sse.ts";

/** Silence after which a connection is given up: more than two heartbeats of 15 s. */
const SILENCE = 40_000;
/** After so many failures in a row without any progress nobody waits any longer. */
const MOST_FAILURES = 12;

/** Opens the stream of a run behind `run.position`; its ids are empty until the first connection has brought them. */
export type Open = (run: Run, signal: AbortSignal) => Promise<Response>;

export interface Options {
  onRun: (run: Run) => void;
  signal: AbortSignal;
  pause: Pause;
  onTrouble?: (isLost: boolean) => void;
}

/**
 * Reads until the run has ended; returns it. Throws Problem when the server refuses for good, AbortError when
 * aborted, Unreachable after too many failures in a row.
 */
export async function followRun(open: Open, options: Options, known: Run = newRun()): Promise<Run> {
  const { signal, pause, onTrouble } = options;
  let run = known;
  let failures = 0;
  const take = (next: Run) => {
    if (next.position > run.position) failures = 0;
    run = next;
    options.onRun(run);
  };
  while (!run.end) {
    try {
      await readConnection(await open(run, signal), () => run, take, options);
      if (run.end) break;
    } catch (error) {
      if (signal.aborted || !isPassing(error) || failures >= MOST_FAILURES) throw error;
    }
    onTrouble?.(true);
    await pause(backoff(++failures), signal);
  }
  return run;
}

/** Takes the events of one connection until it closes, the run ends, or one shows that something is missing. */
async function readConnection(
  response: Response,
  current: () => Run,
  take: (run: Run) => void,
  { signal, onTrouble }: Options,
): Promise<void> {
  onTrouble?.(false);
  for await (const event of eventsOf(response, signal)) {
    const next = reduce(current(), event);
    if (next === "gap") return;
    take(next);
    if (next.end) return;
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof Problem) return error.isPassing && !error.slug.startsWith("provider_");
  return error instanceof Unreachable || error instanceof SyntaxError;
}

/** The events of one connection; ends when it does, for whatever reason. */
async function* eventsOf(response: Response, signal: AbortSignal): AsyncGenerator<WireEvent> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const decoder = new SseDecoder();
  const text = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read(), signal);
      if (done) return;
      for (const raw of decoder.push(text.decode(value, { stream: true }))) yield parseEvent(raw);
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

/** The read; Unreachable when it fails, or when heartbeats must have been lost. */
async function withinSilence<T>(read: Promise<T>, signal: AbortSignal): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Unreachable("silence")), SILENCE);
  });
  try {
    return await Promise.race([read, silence]);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new Unreachable(error);
  } finally {
    clearTimeout(timer);
  }
}
