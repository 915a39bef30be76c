// Times of day, in the reader's own zone and the page's language.

const HOUR = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;

/** A time of day. */
export function clock(time: Date, language = document.documentElement.lang): string {
  return new Intl.DateTimeFormat(language || undefined, HOUR).format(time);
}

/** The same, with the date when it was another day. */
export function moment(time: Date): string {
  if (time.toDateString() === new Date().toDateString()) return clock(time);
  const language = document.documentElement.lang || undefined;
  return new Intl.DateTimeFormat(language, { ...HOUR, day: "numeric", month: "short" }).format(time);
}
