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

function typeset(formula: HTMLElement, source: string, display: boolean): void {
  formula.dataset["alive"] = "";
  void import("katex")
    .then(({ default: katex }) =>
      // Into the element and as MathML alone: the other forms need inline styles, which the policy forbids.
      katex.render(source, formula, { output: "mathml", displayMode: display, throwOnError: true, maxExpand: 100 }),
    )
    .catch(() => {
      formula.textContent = source; // not TeX, or out of reach: its source says it too
    });
}
