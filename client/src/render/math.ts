// Formulas: shown as they were written at once, typeset as MathML when the typesetter has been loaded.

import { element } from "./dom.ts";

/** An element that holds a formula's source until it is typeset. */
export function makeFormula(source: string, display: boolean): HTMLElement {
  const formula = element("span", { class: "formula", "data-display": display ? "" : undefined }, source);
  typeset(formula, source, display);
  return formula;
}

/** Typesets the formulas of messages that the server rendered. */
export function enhanceFormulas(within: ParentNode): void {
  for (const formula of within.querySelectorAll<HTMLElement>(".formula:not([data-alive])")) {
    typeset(formula, formula.textContent ?? "", "display" in formula.dataset);
  }
}

/** What formulas became, by form and source: a paragraph that grows shows the same ones again with every picture. */
const made = new Map<string, DocumentFragment>();
const MOST_KEPT = 500;

function typeset(formula: HTMLElement, source: string, display: boolean): void {
  formula.dataset["alive"] = "";
  const key = `${display}:${source}`;
  const known = made.get(key);
  if (known) return formula.replaceChildren(known.cloneNode(true));
  void import("katex")
    .then(({ default: katex }) => {
      // Typeset already for one that came before it in the same picture.
      if (!made.has(key)) keep(key, madeOf(katex, source, display));
      formula.replaceChildren((made.get(key) as DocumentFragment).cloneNode(true));
    })
    .catch(() => undefined); // out of reach: its source says it too
}

/** As MathML alone: the other forms need inline styles, which the policy forbids. What is not TeX stays as it is. */
function madeOf(katex: typeof import("katex").default, source: string, display: boolean): DocumentFragment {
  const place = document.createElement("span");
  const fragment = document.createDocumentFragment();
  try {
    katex.render(source, place, { output: "mathml", displayMode: display, throwOnError: true, maxExpand: 100 });
    fragment.append(...place.childNodes);
  } catch {
    fragment.append(source);
  }
  return fragment;
}

function keep(key: string, fragment: DocumentFragment): void {
  if (made.size >= MOST_KEPT) made.clear();
  made.set(key, fragment);
}
