// Waiting between tries: longer each time, never exactly as long as everybody else.

const FIRST = 250;
const LONGEST = 5_000;

/** Milliseconds to wait before try number `attempt` (from 1); `random` gives 0 to 1. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST, FIRST * 2 ** (attempt - 1));
  return full / 2 + (full / 2) * random();
}

export type Pause = (milliseconds: number, signal: AbortSignal) => Promise<void>;

/** Resolves after the time; throws the signal's reason when aborted. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", abort, { once: true });
  });
}
