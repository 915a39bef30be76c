// Where a link of an answer may lead. The server's Markdown has the same rule.

const SCHEMES: ReadonlySet<string> = new Set(["http:", "https:", "mailto:"]);

/** The absolute address, or null for one that is none or whose scheme could run something. */
export function safeAddress(href: string): URL | null {
  try {
    const url = new URL(href);
    return SCHEMES.has(url.protocol) ? url : null;
  } catch {
    return null;
  }
}
