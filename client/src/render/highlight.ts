// Syntax colours, a chunk of its own: loaded when the first finished block of code names a language.

import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { element, type Child } from "./dom.ts";

const LANGUAGES = {
  bash, cpp, css, diff, go, java, javascript, json, python, rust, sql, typescript, xml, yaml,
}; // prettier-ignore
for (const [name, grammar] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, grammar);

/** A node of the highlighter's tree: a scope with children, or text. */
interface Scope {
  scope?: string;
  children: (Scope | string)[];
}

/** Replaces the text of `code` by the same text in coloured spans. An unknown language changes nothing. */
export function highlight(code: HTMLElement, language: string): void {
  if (!hljs.getLanguage(language)) return;
  const result = hljs.highlight(code.textContent ?? "", { language, ignoreIllegals: true });
  // The tree instead of the HTML that it is usually written as: no markup is parsed.
  const tree = result._emitter as unknown as { root: Scope };
  code.replaceChildren(...tree.root.children.map(nodeOf));
}

function nodeOf(node: Scope | string): Child {
  if (typeof node === "string") return node;
  const name = node.scope?.split(".")[0];
  return element("span", { class: name && `hl-${name}` }, ...node.children.map(nodeOf));
}
