type Child = Node | string | undefined;
type Attribute = string | number | boolean | undefined | ((event: Event) => void);

/**
 * An element with its attributes, listeners (`onclick`) and children. A text is always a text node: nothing that a tenant wrote is
 * ever read as markup.
 */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, Attribute>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** JSON that opens and closes; `of` says of what, where several on a page have one label. */
export function jsonView(label: string, value: unknown, { of = "", open = false } = {}): HTMLElement {
  const text = h("pre", {}, JSON.stringify(value, undefined, 2));
  return h("details", { open, "data-of": `${of} ${label}` }, h("summary", {}, label), text);
}

/** Draws anew, and leaves open what the reader has opened. */
export function redraw(container: HTMLElement, ...children: readonly Node[]): void {
  const all = (): NodeListOf<HTMLDetailsElement> => container.querySelectorAll("details[data-of]");
  const open = new Set([...all()].filter((each) => each.open).map((each) => each.dataset["of"]));
  container.replaceChildren(...children);
  for (const each of all()) if (open.has(each.dataset["of"])) each.open = true;
}

export function statusBadge(status: string): HTMLElement {
  return h("span", { class: `status ${status}` }, status);
}

/** A time of the runtime, as the reader's own clock tells it. */
export function timeView(rfc3339: string): HTMLElement {
  return h("time", { datetime: rfc3339, title: rfc3339 }, new Date(rfc3339).toLocaleString());
}

/** An id that leads somewhere, short where it is a UUID behind a word. */
export function idLink(address: string, id: string): HTMLElement {
  const short = /^[a-z]+_([0-9a-f]{8})-[0-9a-f-]{27}$/.exec(id)?.[1] ?? id;
  return h("a", { href: address, title: id, class: "id" }, short);
}

/** The head of a table. */
export function headOf(...names: readonly string[]): HTMLElement {
  return h("tr", {}, ...names.map((name) => h("th", {}, name)));
}
