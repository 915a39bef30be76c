// Our own pages, fetched to take parts from: the only HTML that the program parses, under a policy of its own.

import type { Carrier, Fetch, Http } from "../api/http.ts";

interface Policy {
  createHTML: (html: string) => string;
}

interface WithTrustedTypes {
  trustedTypes?: { createPolicy: (name: string, rules: Policy) => Policy };
}

// Trusted Types (W3C): the parser below takes nothing that did not pass here, and only `parsePage` comes here.
const policy = (window as WithTrustedTypes).trustedTypes?.createPolicy("tertulia", { createHTML: (html) => html });

function parsePage(html: string): Document {
  return new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
}

/** A page of this site as a document; nothing in it runs or loads. */
export async function fetchPage(http: Http, url: string): Promise<Document> {
  const response = await http.call(url, { accept: "text/html" });
  return parsePage(await response.text());
}

/** The page's cookie, with the CSRF token of the page that is shown. */
export const pageCarrier: Carrier & { token: string } = {
  token: document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "",
  server: "",
  credentials: "same-origin",
  stale: 403,

  sign: (method) => (method === "GET" ? {} : { "X-CSRFToken": pageCarrier.token }),

  /** From a fresh copy of the page: signing in in another tab makes a new token. */
  async renew(get: Fetch): Promise<boolean> {
    const response = await get(location.pathname, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    const page = parsePage(await response.text());
    const fresh = page.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content;
    if (!response.ok || !fresh) return false;
    pageCarrier.token = fresh;
    return true;
  },
};
