import type { JsonValue } from "../../../shared/json.ts";

/** An element as far as it has been read. Names are without their prefix. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly children: XmlElement[];
  text: string;
}

export function newElement(name: string, attributes: XmlElement["attributes"]): XmlElement {
  return { name, attributes, children: [], text: "" };
}

/**
 * An element as a value: its text when that is all that it has; else its attributes as `@name`, its children by name, those that repeat as a
 * list, and text between them as `#text`.
 */
export function xmlValue(element: XmlElement): JsonValue {
  const { attributes, children } = element;
  if (attributes.length === 0 && children.length === 0) return element.text.trim();
  return xmlRow(element);
}

/** The same, as a row, whatever it has. */
export function xmlRow({ attributes, children, text }: XmlElement): { readonly [name: string]: JsonValue } {
  const members = new Map<string, JsonValue>();
  for (const [name, value] of attributes) members.set(`@${name}`, value);
  const repeated = Map.groupBy(children, ({ name }) => name);
  for (const [name, same] of repeated) {
    const [only] = same;
    members.set(name, same.length === 1 && only !== undefined ? xmlValue(only) : same.map(xmlValue));
  }
  const own = text.trim();
  if (own !== "") members.set("#text", own);
  return Object.fromEntries(members);
}

/**
 * Where the records of a document are: the names that lead from the root to the elements that repeat and stand nearest to it, those that
 * are most where several do. A document in which nothing repeats is one record: its root.
 */
export function recordPathOf(root: XmlElement): readonly string[] {
  let level = [{ element: root, path: [root.name] }];
  while (level.length > 0) {
    let most: { readonly count: number; readonly path: readonly string[] } = { count: 1, path: [] };
    for (const { element, path } of level) {
      for (const [name, same] of Map.groupBy(element.children, (child) => child.name)) {
        if (same.length > most.count) most = { count: same.length, path: [...path, name] };
      }
    }
    if (most.count > 1) return most.path;
    level = level.flatMap(({ element, path }) =>
      element.children.map((child) => ({ element: child, path: [...path, child.name] })),
    );
  }
  return [root.name];
}
