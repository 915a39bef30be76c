// The Markdown dialect of answers: GitHub's, with mathematics, without raw HTML. Lexing only; `render` makes the DOM.

import { Lexer, type MarkedExtension, type Token, type Tokens, type TokensList } from "marked";

export type Links = TokensList["links"];

/** A formula as it was written, without its delimiters. */
export interface Formula extends Tokens.Generic {
  type: "formula";
  text: string;
  display: boolean;
}

const FENCED_FORMULA = /^ {0,3}(?:\$\$([^$]{1,5000}?)\$\$|\\\[([\s\S]{1,5000}?)\\\])[ \t]*(?:\n|$)/;
const INLINE_FORMULA = /^(?:\$\$([^$\n]{1,2000}?)\$\$|\\\(([^\n]{1,2000}?)\\\)|\\\[([^\n]{1,2000}?)\\\])/;
// As Pandoc: no space inside the dollars, no digit after them, so that prices stay prices.
const DOLLAR_FORMULA = /^\$(?![\s$])((?:\\.|[^\\$\n]){0,2000}?)(?<!\s)\$(?!\d)/;

function formula(raw: string, text: string, display: boolean): Formula {
  return { type: "formula", raw, text: text.trim(), display };
}

function blockFormula(source: string): Formula | undefined {
  const match = FENCED_FORMULA.exec(source);
  return match ? formula(match[0], match[1] ?? match[2] ?? "", true) : undefined;
}

function inlineFormula(source: string): Formula | undefined {
  const match = INLINE_FORMULA.exec(source);
  if (match) return formula(match[0], match[1] ?? match[2] ?? match[3] ?? "", match[2] === undefined);
  const dollars = DOLLAR_FORMULA.exec(source);
  return dollars?.[1] ? formula(dollars[0], dollars[1], false) : undefined;
}

function startOf(pattern: RegExp): (source: string) => number {
  return (source) => source.search(pattern);
}

/** What `marked.use` would make of an extension; given to the lexer directly, the renderer stays out of the bundle. */
const options = {
  async: false,
  breaks: true,
  gfm: true,
  pedantic: false,
  silent: true,
  extensions: {
    renderers: {},
    childTokens: {},
    block: [blockFormula],
    startBlock: [startOf(/(?:^|\n) {0,3}(?:\$\$|\\\[)/)],
    inline: [inlineFormula],
    startInline: [startOf(/\$|\\[([]/)],
  },
} as unknown as MarkedExtension;

/** The tokens of a text. `links` are the definitions known so far; what the text defines is added to them. */
export function lex(source: string, links: Links): Token[] {
  const lexer = new Lexer(options as ConstructorParameters<typeof Lexer>[0]);
  lexer.tokens.links = links;
  return [...lexer.lex(source)];
}
