// The branch of a conversation's message tree that the page shows, with each message's siblings.

export type Role = "user" | "assistant" | "system";

/** A message on the branch. `siblings` are all answers to, or wordings of, the same thing in order of creation. */
export interface Turn {
  readonly id: string;
  readonly role: Role;
  readonly siblings: readonly string[];
}

/** Where a turn stands among its siblings, counted from 1. */
export interface Place {
  readonly number: number;
  readonly count: number;
  readonly previous: string | null;
  readonly next: string | null;
}

export function placeOf(turn: Turn): Place {
  const index = turn.siblings.indexOf(turn.id);
  return {
    number: index + 1,
    count: turn.siblings.length,
    previous: turn.siblings[index - 1] ?? null,
    next: turn.siblings[index + 1] ?? null,
  };
}

/** The turns on the screen, oldest first. Every change returns a new thread. */
export class Thread {
  readonly turns: readonly Turn[];

  constructor(turns: readonly Turn[] = []) {
    this.turns = turns;
  }

  get leaf(): Turn | null {
    return this.turns.at(-1) ?? null;
  }

  find(id: string): Turn | null {
    return this.turns.find((turn) => turn.id === id) ?? null;
  }

  /** The turn before `id`; null for the first one shown and for one that is not here. */
  before(id: string): Turn | null {
    const index = this.turns.findIndex((turn) => turn.id === id);
    return this.turns[index - 1] ?? null;
  }

  /** The thread with a new message at its end. */
  append(id: string, role: Role): Thread {
    return new Thread([...this.turns, { id, role, siblings: [id] }]);
  }

  /** The thread in which `id`, a new sibling of `of`, stands in its place; what followed belongs to the other branch. */
  branch(of: string, id: string): Thread {
    const index = this.turns.findIndex((turn) => turn.id === of);
    const old = this.turns[index];
    if (!old) return this;
    const siblings = old.siblings.includes(id) ? old.siblings : [...old.siblings, id];
    return new Thread([...this.turns.slice(0, index), { id, role: old.role, siblings }]);
  }

  /** The thread with earlier messages in front. */
  prepend(earlier: readonly Turn[]): Thread {
    const shown = new Set(this.turns.map((turn) => turn.id));
    return new Thread([...earlier.filter((turn) => !shown.has(turn.id)), ...this.turns]);
  }
}
