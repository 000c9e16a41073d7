/** What this process remembers of documents that it wrote or read, the least recently used forgotten first. Never relied on (O1). */
export interface Memory<Value> {
  get(path: string): Value | undefined;
  set(path: string, value: Value): void;
  forget(path: string): void;
}

export function createMemory<Value>(limit: number): Memory<Value> {
  const values = new Map<string, Value>();
  return {
    get: (path) => {
      const value = values.get(path);
      if (value === undefined) return undefined;
      values.delete(path);
      values.set(path, value);
      return value;
    },
    set: (path, value) => {
      values.delete(path);
      values.set(path, value);
      if (values.size > limit) values.delete(values.keys().next().value ?? "");
    },
    forget: (path) => void values.delete(path),
  };
}
