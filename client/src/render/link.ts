// Where a link of an answer may lead. The server's Markdown has the same rule.

/** Written in full: "https:a" is one place on a page of that scheme and another elsewhere. */
const ABSOLUTE = /^(?:https?:\/\/|mailto:)/i;

/** The absolute address, or null for one that is none or whose scheme could run something. */
export function safeAddress(href: string): URL | null {
  try {
    return ABSOLUTE.test(href) ? new URL(href) : null;
  } catch {
    return null;
  }
}

/** The host (or mailbox) that a link leads to, unless its text begins with that address: words may promise anything. */
export function untoldPlace(url: URL, text: string): string | undefined {
  const place = url.host || url.pathname;
  const address = url.host ? `${url.protocol}//${url.host}` : place;
  const told = text.trim().toLowerCase();
  const isTold = told.startsWith(address.toLowerCase()) && /^(?:$|[/?#])/.test(told.slice(address.length));
  return isTold ? undefined : place;
}
