// The reducer of a run: a fresh answer, a reload and a second tab fold the same events into the same state.

import { countPoints, firstPoints } from "./points.ts";
import type { End, Source, WireEvent } from "./events.ts";

/** What a reader knows of a run. `position` is where it has arrived in the run's log. */
export interface Run {
  readonly position: number;
  readonly generation: string;
  readonly userMessage: string;
  readonly answer: string;
  readonly text: string;
  readonly reasoning: string;
  readonly sources: readonly Source[];
  readonly end: End | null;
}

/** A run of which nothing is known yet but its id, if that. */
export function newRun(generation = ""): Run {
  return {
    position: 0,
    generation,
    userMessage: "",
    answer: "",
    text: "",
    reasoning: "",
    sources: [],
    end: null,
  };
}

/** By how much an event moves the position: text by its code points, anything else by 1. */
export function advance(event: WireEvent): number {
  return event.kind === "delta" || event.kind === "reasoning" ? countPoints(event.text) : 1;
}

/**
 * The run after an event; the same run for an event that it has seen.
 * "gap" when something between is missing: then the reader must reconnect at `run.position`.
 */
export function reduce(run: Run, event: WireEvent): Run | "gap" {
  if (run.end || event.position <= run.position) return run;
  if (event.position !== run.position + advance(event)) return "gap";
  return { ...run, ...change(run, event), position: event.position };
}

function change(run: Run, event: WireEvent): Partial<Run> {
  switch (event.kind) {
    case "start":
      return { generation: event.generation, userMessage: event.userMessage, answer: event.answer };
    case "delta":
      return { text: run.text + event.text };
    case "reasoning":
      return { reasoning: run.reasoning + event.text };
    case "sources":
      return { sources: [...run.sources, ...event.sources] };
    case "end":
      // After a crash a reader may have seen more than was stored.
      return { end: event, text: firstPoints(run.text, event.length) };
    case "other":
      return {};
  }
}
