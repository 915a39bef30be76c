// The Markdown dialect of answers: GitHub's, with mathematics, without raw HTML. Lexing only; `render` makes the DOM.

import { Lexer, type MarkedExtension, type Token, Tokenizer, type Tokens, type TokensList } from "marked";

export type Links = TokensList["links"];

/** A formula as it was written, without its delimiters. */
export interface Formula extends Tokens.Generic {
  type: "formula";
  text: string;
  display: boolean;
}

const FENCED_FORMULA = /^ {0,3}(?:\$\$([^$]{1,2000}?)\$\$|\\\[([\s\S]{1,2000}?)\\\])[ \t]*(?:\n|$)/;
const LINE_OF_FORMULA = /\n {0,3}(?:\$\$|\\\[)/g;
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

/**
 * The end of the line after which a formula of its own interrupts the paragraph that `source` begins with; -1: none does.
 * What only looks like one interrupts nothing: with each part the lexer would begin anew to look for the paragraph's end.
 */
function blockFormulaStart(this: { lexer: Lexer }, source: string): number {
  // Inside of list items there are lines and no paragraphs: what is found would not be used, and is asked for every line.
  if (!this.lexer.state.top) return -1;
  const near = source.slice(0, LONGEST_PARAGRAPH);
  const end = near.search(/\n[ \t]*\n/);
  for (const { index } of (end < 0 ? near : near.slice(0, end)).matchAll(LINE_OF_FORMULA)) {
    if (FENCED_FORMULA.test(source.slice(index + 1))) return index;
  }
  return -1;
}

function inlineFormulaStart(source: string): number {
  return source.search(/\$|\\[([]/);
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
    startBlock: [blockFormulaStart],
    inline: [inlineFormula],
    startInline: [inlineFormulaStart],
  },
} as unknown as MarkedExtension;

/** Lists, quotations and emphasis that are deeper inside each other are shown as they were written. */
const DEEPEST = 20;
/** So are paragraphs that are longer or hold more marks of emphasis: the lexer's time grows with the square of both. */
const LONGEST_PARAGRAPH = 10_000;
const MOST_MARKS = 500;
/** And items of lists: the lexer copies what it has of an item's lines for each one more. */
const LONGEST_ITEM = 60_000;

/** The first line of a list and those behind it that begin no item of their own and are not empty. */
const FIRST_LINES = /^.*\n(?:(?![ \t]*(?:[*+-]|\d{1,9}[.)])(?:[ \t]|$))[ \t]*\S.*(?:\n|$))*/;

/** The lines that could be above the line under a heading: the library's rule without that line, and as far as it goes. */
const STRETCH = new RegExp(
  Lexer.rules.block.gfm.lheading.source
    .replace("((?:.|\\n", "((?:.+|\\n")
    .replace("+?)\\n {0,3}(=+|-+)[ \\t]*(?:\\n+|$)", "+)"),
);

/**
 * Looks for the line under a heading once for each stretch of lines. Where lines are read one by one, as in the items of
 * lists and between formulas, the library looks through all that follow for every one of them.
 */
class ThriftyTokenizer extends Tokenizer {
  /** No line is part of such a heading that begins while more than so many characters of the source are left. */
  #barren = Infinity;

  override lheading(source: string): Tokens.Heading | undefined {
    if (source.length > this.#barren) return undefined;
    const heading = super.lheading(source);
    if (!heading) this.#barren = source.length - (STRETCH.exec(source)?.[0].length ?? 0);
    return heading;
  }

  override list(source: string): Tokens.List | undefined {
    if (source.length > LONGEST_ITEM && (FIRST_LINES.exec(source)?.[0].length ?? 0) > LONGEST_ITEM) return undefined;
    return super.list(source);
  }

  /** Another source, whose lengths mean something else. */
  within<T>(work: () => T): T {
    const barren = this.#barren;
    this.#barren = Infinity;
    try {
      return work();
    } finally {
      this.#barren = barren;
    }
  }
}

/** A lexer whose time and depth are bounded, whatever somebody has an answer hold. */
class BoundedLexer extends Lexer {
  #blocks = 0;
  #inlines = 0;

  readonly #tokenizer: ThriftyTokenizer;

  constructor() {
    const tokenizer = new ThriftyTokenizer();
    super({ ...options, tokenizer } as ConstructorParameters<typeof Lexer<string, string>>[0]);
    this.#tokenizer = tokenizer;
  }

  override blockTokens(source: string, tokens?: Token[], isClipped?: boolean): Token[];
  override blockTokens(source: string, tokens?: TokensList, isClipped?: boolean): TokensList;
  override blockTokens(source: string, tokens: Token[] = [], isClipped?: boolean): Token[] {
    if (this.#blocks >= DEEPEST || (!this.state.top && source.length > LONGEST_ITEM)) {
      tokens.push({ type: "paragraph", raw: source, text: source, tokens: [asWritten(source)] });
      return tokens;
    }
    this.#blocks++;
    try {
      return this.#tokenizer.within(() => super.blockTokens(source, tokens, isClipped));
    } finally {
      this.#blocks--;
    }
  }

  override inlineTokens(source: string, tokens: Token[] = []): Token[] {
    if (this.#inlines >= DEEPEST || isTooMuch(source)) {
      tokens.push(asWritten(source));
      return tokens;
    }
    this.#inlines++;
    try {
      return super.inlineTokens(source, tokens);
    } finally {
      this.#inlines--;
    }
  }
}

function isTooMuch(source: string): boolean {
  return source.length > LONGEST_PARAGRAPH || (source.match(/[*_~]+/g)?.length ?? 0) > MOST_MARKS;
}

function asWritten(source: string): Tokens.Text {
  return { type: "text", raw: source, text: source, escaped: false };
}

/** The tokens of a text. `links` are the definitions known so far; what the text defines is added to them. */
export function lex(source: string, links: Links): Token[] {
  const lexer = new BoundedLexer();
  lexer.tokens.links = links;
  return [...lexer.lex(source)];
}
