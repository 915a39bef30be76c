// Makes and finds elements. Text only ever enters as text: nothing here, or anywhere in the client, parses HTML of others.

export type Child = Node | string;

/** An element with attributes; those that are undefined are left out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | undefined>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** The element that the page must have; throws where the template does not fit the program. */
export function need<E extends Element = HTMLElement>(selector: string, within: ParentNode = document): E {
  const found = within.querySelector<E>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

/** A copy of the first element of a template that the server rendered: markup and words have one source. */
export function cloneTemplate(id: string): HTMLElement {
  const template = need<HTMLTemplateElement>(`template#${id}`);
  return template.content.firstElementChild?.cloneNode(true) as HTMLElement;
}
