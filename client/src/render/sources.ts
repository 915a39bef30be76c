// What an answer cites: a line of the quote board as a set quotation, anything else as a chip. The server's template
// (chat/_source.html) makes the same.

import type { Source } from "../model/events.ts";
import type { Words } from "../words.ts";
import { element } from "./dom.ts";

/** As HTML names the script of a language, which decides the typeface. */
const LANGUAGE_TAGS: Readonly<Record<string, string>> = { zh: "zh-Hans" };

export function sourceView(source: Source, words: Words): HTMLElement {
  return source.kind === "quote" ? quotation(source, words) : chip(source, words);
}

function quotation(source: Source, words: Words): HTMLElement {
  const link = element("a", { class: "chip", href: `/quotes/${encodeURIComponent(source.id)}`, "data-quote": source.id });
  link.append(element("b", {}, String(source.marker)), " ", ...origin(source, words));
  const lang = LANGUAGE_TAGS[source.language] ?? source.language;
  return element(
    "figure",
    { class: "cited" },
    element("blockquote", { lang: lang || undefined, dir: "auto" }, source.text),
    element("figcaption", {}, link),
  );
}

function origin(source: Source, words: Words): (Node | string)[] {
  const speaker = source.speaker ? [source.speaker] : [];
  const work = source.work ? [element("cite", {}, source.work)] : [];
  if (speaker.length && work.length) return [...speaker, " — ", ...work];
  return speaker.length || work.length ? [...speaker, ...work] : [words.quoteBoard];
}

function chip(source: Source, words: Words): HTMLElement {
  const place = [source.work, source.speaker].filter(Boolean).join(" · ") || words.yourWords;
  const inner = [element("b", {}, String(source.marker)), ` ${place}`];
  // A source's address is a path of ours; what others might put there leads nowhere.
  const isOurs = /^\/(?![/\\])/.test(source.url);
  if (isOurs) return element("a", { class: "chip", href: source.url }, ...inner);
  return element("span", { class: "chip" }, ...inner);
}
