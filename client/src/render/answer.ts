// Shows an answer that grows: finished blocks once, the open rest at most once a frame, and less often the more it
// costs.

import type { Token, Tokens } from "marked";
import { Blocks, type OpenFence } from "../model/blocks.ts";
import { makeOpenCodeBlock, highlightSoon } from "./code.ts";
import { childrenOf, type MarkdownRenderer } from "./markdown.ts";

/** Milliseconds between two renderings at least: text that comes 20 times a second looks like a steady flow. */
const LEAST_PAUSE = 50;
/** After a rendering that took so long, the next waits this many times as long: at most a ninth of the time goes. */
const REST_FACTOR = 8;

/** Grows inside `host`, which it fills. */
export class GrowingAnswer {
  readonly #host: HTMLElement;
  readonly #renderer: MarkdownRenderer;
  readonly #onShown: () => void;
  readonly #blocks = new Blocks();
  readonly #tail = document.createElement("div");
  readonly #rest: OpenRest;
  #pending = "";
  #text = "";
  #scheduled = false;
  #notBefore = 0;

  constructor(host: HTMLElement, renderer: MarkdownRenderer, onShown: () => void = () => undefined) {
    this.#host = host;
    this.#renderer = renderer.fresh();
    this.#onShown = onShown;
    this.#tail.className = "tail";
    this.#rest = new OpenRest(this.#tail, this.#renderer);
    host.replaceChildren(this.#tail);
  }

  /** The whole text so far; it only ever grows, except by `finish`. */
  show(text: string): void {
    this.#pending += text.slice(this.#text.length);
    this.#text = text;
    if (this.#pending) this.#schedule();
  }

  /** The final text, which may be shorter than what was shown. */
  finish(text: string): void {
    if (text.startsWith(this.#text)) {
      this.show(text);
      this.#render();
      this.#append(this.#blocks.finish());
    } else {
      const whole = new Blocks();
      this.#host.replaceChildren(...this.#renderer.fresh().blocks([...whole.append(text).closed, ...whole.finish()]));
    }
    this.#pending = "";
    this.#tail.remove();
    this.#onShown();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const wait = this.#notBefore - performance.now();
    if (wait > 0) setTimeout(() => this.#nextFrame(), wait);
    else this.#nextFrame();
  }

  /** With the screen's next picture, so that style and layout are worked out once; a hidden tab has none. */
  #nextFrame(): void {
    if (document.hidden) this.#frame();
    else requestAnimationFrame(() => this.#frame());
  }

  #frame(): void {
    this.#scheduled = false;
    if (!this.#pending) return;
    const begun = performance.now();
    this.#render();
    this.#onShown();
    const cost = performance.now() - begun;
    this.#notBefore = begun + Math.max(LEAST_PAUSE - 16, cost * (1 + REST_FACTOR));
  }

  #render(): void {
    const { closed, fence, open } = this.#blocks.append(this.#pending);
    this.#pending = "";
    this.#append(closed);
    if (fence) this.#rest.showFence(fence);
    else this.#renderer.provisionally(() => this.#rest.showTokens(open));
  }

  #append(closed: readonly Token[]): void {
    const first = closed[0];
    // The code that grew on the screen is finished: it stays the same element.
    const kept = first?.type === "code" ? this.#rest.takeFence((first as Tokens.Code).text) : null;
    if (kept) this.#tail.before(kept);
    this.#tail.before(...this.#renderer.blocks(kept ? closed.slice(1) : closed));
    if (closed.length) this.#rest.clear();
  }
}

/** The part of an answer that may still change. What has not changed in it keeps its elements. */
class OpenRest {
  readonly #host: HTMLElement;
  readonly #renderer: MarkdownRenderer;
  #fence: { frame: HTMLElement; code: HTMLElement; text: Text; language: string } | null = null;
  #container: Container | null = null;

  constructor(host: HTMLElement, renderer: MarkdownRenderer) {
    this.#host = host;
    this.#renderer = renderer;
  }

  clear(): void {
    this.#fence = this.#container = null;
    this.#host.replaceChildren();
  }

  showFence({ language, text }: OpenFence): void {
    if (!this.#fence) {
      this.clear();
      const block = makeOpenCodeBlock(language);
      this.#fence = { ...block, language, text: document.createTextNode("") };
      block.code.append(this.#fence.text);
      this.#host.append(block.frame);
    }
    const shown = this.#fence.text;
    if (text.length >= shown.length) shown.appendData(text.slice(shown.length));
    else shown.data = text;
  }

  /** The element of the open fence, complete with `text`, for its final place; null when none is open. */
  takeFence(text: string): HTMLElement | null {
    const fence = this.#fence;
    if (!fence) return null;
    if (fence.text.data !== text) fence.text.data = text;
    highlightSoon(fence.code, fence.language);
    this.#fence = null;
    return fence.frame;
  }

  showTokens(tokens: readonly Token[]): void {
    const blocks = tokens.filter((token) => token.type !== "space");
    const [only] = blocks;
    if (blocks.length === 1 && only && this.#grow(only)) return;
    this.clear();
    if (blocks.length === 1 && only && this.#begin(only)) return;
    this.#host.replaceChildren(...this.#renderer.blocks(blocks));
  }

  #grow(token: Token): boolean {
    return this.#container?.update(token) ?? false;
  }

  #begin(token: Token): boolean {
    this.#container = Container.of(token, this.#renderer);
    if (!this.#container) return false;
    this.#host.replaceChildren(this.#container.frame);
    return true;
  }
}

/** A list, table or quotation that grows at its end: parts with the same source keep their elements. */
class Container {
  readonly frame: HTMLElement;
  readonly #body: HTMLElement;
  readonly #key: string;
  readonly #renderer: MarkdownRenderer;
  #shown: string[] = [];

  private constructor(frame: HTMLElement, body: HTMLElement, key: string, renderer: MarkdownRenderer) {
    this.frame = frame;
    this.#body = body;
    this.#key = key;
    this.#renderer = renderer;
  }

  /** A container with the token's parts; null for a token without parts. */
  static of(token: Token, renderer: MarkdownRenderer): Container | null {
    const key = keyOf(token);
    if (!key) return null;
    const made = new Container(...shellOf(token, renderer), key, renderer);
    made.update(token);
    return made;
  }

  /** Shows the present parts; false when the token is another container than this one. */
  update(token: Token): boolean {
    if (keyOf(token) !== this.#key) return false;
    const parts = partsOf(token, this.#renderer);
    let same = 0;
    while (same < parts.length && this.#shown[same] === parts[same]?.source) same++;
    while (this.#body.childNodes.length > same) this.#body.lastChild?.remove();
    this.#body.append(...parts.slice(same).map((part) => part.make()));
    this.#shown = parts.map((part) => part.source);
    return true;
  }
}

interface Part {
  source: string;
  make: () => Node;
}

/** What must stay the same for a container to be continued. */
function keyOf(token: Token): string {
  if (token.type === "list") {
    const list = token as Tokens.List;
    return `list ${list.ordered} ${list.start} ${list.loose}`;
  }
  if (token.type === "table") return `table ${(token as Tokens.Table).header.map((cell) => cell.text + cell.align)}`;
  return token.type === "blockquote" ? "blockquote" : "";
}

function shellOf(token: Token, renderer: MarkdownRenderer): [HTMLElement, HTMLElement] {
  if (token.type === "table") {
    const { frame, body } = renderer.tableShell(token as Tokens.Table);
    return [frame, body];
  }
  const shell = token.type === "list" ? renderer.listShell(token as Tokens.List) : document.createElement("blockquote");
  return [shell, shell];
}

function partsOf(token: Token, renderer: MarkdownRenderer): Part[] {
  if (token.type === "list") {
    return (token as Tokens.List).items.map((item) => ({ source: item.raw, make: () => renderer.item(item) }));
  }
  if (token.type === "table") {
    return (token as Tokens.Table).rows.map((row) => ({
      source: row.map((cell) => cell.text).join("\0"),
      make: () => renderer.row(row),
    }));
  }
  const inner = childrenOf(token).filter((each) => each.type !== "space" && each.type !== "def");
  return inner.map((each) => ({ source: each.raw, make: () => renderer.block(each) ?? document.createTextNode("") }));
}
