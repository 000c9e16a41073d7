import type { JsonObject, JsonValue } from "../../../shared/json.ts";

/** The members that differ from those of `base`, as text: an object of what they are now, and the names of those that are gone. */
export function changesText(base: JsonObject, now: JsonObject): string {
  const changed: Record<string, JsonValue | undefined> = {};
  for (const name in now) if (now[name] !== base[name]) changed[name] = now[name];
  const gone: string[] = [];
  for (const name in base) if (base[name] !== undefined && now[name] === undefined) gone.push(name);
  return JSON.stringify([changed, ...gone]);
}

/** The object that a text is, with the changes to it that another text tells, if there are any. */
export function readChanged(text: string, changes: string | null | undefined): JsonObject {
  const base = JSON.parse(text) as JsonObject;
  if (changes === null || changes === undefined || changes === "") return base;
  const [changed, ...gone] = JSON.parse(changes) as [JsonObject, ...string[]];
  const now: JsonObject = { ...base, ...changed };
  if (gone.length === 0) return now;
  return Object.fromEntries(Object.entries(now).filter(([name]) => !gone.includes(name)));
}
