/** What the page shows: the part behind `#` of its URL, as `/execution/<id>` or `/executions?status=failed`. */
export interface Address {
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

export function readAddress(hash: string): Address {
  const [path = "", search = ""] = hash.replace(/^#/, "").split("?", 2);
  return {
    path: path
      .split("/")
      .filter((part) => part !== "")
      .map(decoded),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

export function addressOf(path: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") search.set(name, value);
  return `#/${path.map(encodeURIComponent).join("/")}${search.size === 0 ? "" : `?${search.toString()}`}`;
}

export function executionAddress(executionId: string): string {
  return addressOf(["execution", executionId]);
}

/** What somebody typed may be no encoding of anything. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
