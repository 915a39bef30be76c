// Tokens of an answer's Markdown as elements. No HTML is parsed: what is not listed here becomes text, and nothing
// is fetched, an image is a link that names its host.

import type { Token, Tokens } from "marked";
import type { Formula } from "../model/markdown.ts";
import { makeCodeBlock } from "./code.ts";
import { element } from "./dom.ts";
import { safeAddress, untoldPlace } from "./link.ts";
import { makeFormula } from "./math.ts";

export interface Words {
  image: string;
}

/** Writes the tokens of one answer as nodes. `words` are the few words that it adds. */
export class MarkdownRenderer {
  readonly #words: Words;
  /** The depths of the headings that the present place is under: an answer may begin with ### or skip a level. */
  #outline: number[] = [];
  #isInLink = false;

  constructor(words: Words) {
    this.#words = words;
  }

  /** A renderer for another answer. */
  fresh(): MarkdownRenderer {
    return new MarkdownRenderer(this.#words);
  }

  /** Renders what may still change, so that what comes after it does not depend on it. */
  provisionally<T>(work: () => T): T {
    const outline = this.#outline;
    this.#outline = [...outline];
    try {
      return work();
    } finally {
      this.#outline = outline;
    }
  }

  /** A block that will not change. Spaces and link definitions give nothing. */
  block(token: Token): Node | null {
    switch (token.type) {
      case "space":
      case "def":
        return null;
      case "heading":
        return this.#heading(token as Tokens.Heading);
      case "paragraph":
        return element("p", {}, ...this.#inline(childrenOf(token)));
      case "code":
        return makeCodeBlock((token as Tokens.Code).text, languageOf(token as Tokens.Code));
      case "blockquote":
        return element("blockquote", {}, ...this.blocks(childrenOf(token)));
      case "list":
        return this.#list(token as Tokens.List);
      case "table":
        return this.#table(token as Tokens.Table);
      case "hr":
        return element("hr");
      case "formula":
        return makeFormula((token as Formula).text, true);
      case "text":
      case "checkbox":
        return this.#piece(token);
      default:
        return element("p", {}, token.raw.trimEnd());
    }
  }

  blocks(tokens: readonly Token[]): Node[] {
    return tokens.map((token) => this.block(token)).filter((node) => node !== null);
  }

  item(item: Tokens.ListItem): HTMLLIElement {
    return element("li", { class: item.task ? "task" : undefined }, ...this.blocks(item.tokens));
  }

  row(cells: readonly Tokens.TableCell[]): HTMLTableRowElement {
    return element("tr", {}, ...cells.map((cell) => this.#cell(cell)));
  }

  listShell(list: Tokens.List): HTMLOListElement | HTMLUListElement {
    if (!list.ordered) return element("ul");
    return element("ol", { start: list.start === 1 ? undefined : String(list.start) });
  }

  /** A table's frame with its head, and the body that its rows go into. */
  tableShell(table: Tokens.Table): { frame: HTMLElement; body: HTMLTableSectionElement } {
    const body = element("tbody");
    const head = element("thead", {}, this.row(table.header));
    return { frame: element("div", { class: "table", tabindex: "0" }, element("table", {}, head, body)), body };
  }

  #heading(token: Tokens.Heading): HTMLElement {
    while ((this.#outline.at(-1) ?? 0) >= token.depth) this.#outline.pop();
    // Below the page's h1 and the answer's h2, without a gap between levels.
    const level = Math.min(6, 3 + this.#outline.length) as 3 | 4 | 5 | 6;
    this.#outline.push(token.depth);
    return element(`h${level}`, {}, ...this.#inline(token.tokens));
  }

  #list(list: Tokens.List): HTMLElement {
    const shell = this.listShell(list);
    shell.append(...list.items.map((item) => this.item(item)));
    return shell;
  }

  #table(table: Tokens.Table): HTMLElement {
    const { frame, body } = this.tableShell(table);
    body.append(...table.rows.map((cells) => this.row(cells)));
    return frame;
  }

  #cell(cell: Tokens.TableCell): HTMLElement {
    const attributes = { class: cell.align ? `align-${cell.align}` : undefined };
    return element(cell.header ? "th" : "td", attributes, ...this.#inline(cell.tokens));
  }

  #inline(tokens: readonly Token[]): Node[] {
    return tokens.map((token) => this.#piece(token));
  }

  #piece(token: Token): Node {
    const inner = () => this.#inline(childrenOf(token));
    switch (token.type) {
      case "strong":
        return element("strong", {}, ...inner());
      case "em":
        return element("em", {}, ...inner());
      case "del":
        return element("s", {}, ...inner());
      case "codespan":
        return element("code", {}, (token as Tokens.Codespan).text);
      case "br":
        return element("br");
      case "link":
        return this.#link(token as Tokens.Link);
      case "image":
        return this.#image(token as Tokens.Image);
      case "formula":
        return makeFormula((token as Formula).text, (token as Formula).display);
      case "text":
        return childrenOf(token).length ? this.#fragment(inner()) : plain(token as Tokens.Text);
      case "checkbox":
        return document.createTextNode((token as Tokens.Checkbox).checked ? "☑ " : "☐ ");
      case "escape":
        return plain(token as Tokens.Escape);
      default:
        return document.createTextNode(token.raw);
    }
  }

  #link(token: Tokens.Link): Node {
    const url = safeAddress(token.href);
    if (!url) return this.#fragment(this.#inline(token.tokens));
    this.#isInLink = true;
    const inner = this.#inline(token.tokens);
    this.#isInLink = false;
    const place = untoldPlace(url, inner.map((node) => node.textContent).join(""));
    const attributes = { href: url.href, title: token.title || undefined, "data-host": place, ...OUTSIDE };
    return element("a", attributes, ...inner);
  }

  #image(token: Tokens.Image): Node {
    const url = safeAddress(token.href);
    const name = token.text || this.#words.image;
    if (!url || !url.host) return document.createTextNode(name);
    // A link in a link is none to a browser that reads it as HTML.
    if (this.#isInLink) return document.createTextNode(`${name} (${url.host})`);
    return element("a", { href: url.href, class: "outside-image", ...OUTSIDE }, `${name} (${url.host})`);
  }

  #fragment(nodes: readonly Node[]): DocumentFragment {
    const fragment = document.createDocumentFragment();
    fragment.append(...nodes);
    return fragment;
  }
}

const OUTSIDE = { rel: "noopener noreferrer nofollow", target: "_blank" };

/** The tokens inside a token, if it has any. */
export function childrenOf(token: Token): readonly Token[] {
  return ("tokens" in token && token.tokens) || [];
}

function languageOf(token: Tokens.Code): string {
  return token.lang?.trim().split(/\s/)[0] ?? "";
}

const ENTITY = /&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31});/gi;

/** The text of a token. The lexer leaves character references as they are; a browser's own decoder reads them. */
function plain(token: Tokens.Text | Tokens.Escape): Text {
  return document.createTextNode(token.text.replace(ENTITY, decoded));
}

const NAMED: ReadonlyMap<string, string> = new Map(Object.entries({
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", copy: "©", reg: "®", trade: "™", hellip: "…",
  mdash: "—", ndash: "–", lsquo: "‘", rsquo: "’", ldquo: "“", rdquo: "”", laquo: "«", raquo: "»", bull: "•",
  middot: "·", times: "×", divide: "÷", plusmn: "±", deg: "°", euro: "€", pound: "£", yen: "¥", cent: "¢",
  sect: "§", para: "¶", larr: "←", rarr: "→", uarr: "↑", darr: "↓", harr: "↔", infin: "∞", ne: "≠", le: "≤",
  ge: "≥", asymp: "≈", sum: "∑", prod: "∏", radic: "√", pi: "π", alpha: "α", beta: "β", gamma: "γ", delta: "δ",
  lambda: "λ", mu: "μ", sigma: "σ", omega: "ω", Delta: "Δ", Omega: "Ω", ensp: "\u2002", emsp: "\u2003",
  thinsp: "\u2009", zwj: "\u200d", zwnj: "\u200c", shy: "\u00ad", iexcl: "¡", iquest: "¿",
}));  // prettier-ignore

function decoded(reference: string): string {
  const name = reference.slice(1, -1);
  if (!name.startsWith("#")) return NAMED.get(name) ?? reference;
  const point = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
  const isValid = point > 0 && point <= 0x10ffff && (point & 0xfffff800) !== 0xd800;
  return isValid ? String.fromCodePoint(point) : "\ufffd";
}
