// The browser's storage, which may be forbidden: asking for it already throws then.

export function storageOf(kind: "localStorage" | "sessionStorage"): Storage | null {
  try {
    return window[kind];
  } catch {
    return null;
  }
}
