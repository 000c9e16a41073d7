type Asynchronous<Port> = { readonly [Name in keyof Port]: (...args: never[]) => Promise<unknown> };

/**
 * A port whose adapter is opened when one of its methods is called for the first time, which may be never; closing one that was
 * never opened opens nothing. An opening that fails is tried again by the next call.
 */
export function onFirstUse<Port extends Asynchronous<Port> & { close(): Promise<void> }>(
  methods: Readonly<Record<keyof Port, true>>,
  open: () => Promise<Port>,
): Port {
  let opening: Promise<Port> | undefined;
  const opened = (): Promise<Port> =>
    (opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    }));
  const forward =
    (name: keyof Port) =>
    async (...args: never[]): Promise<unknown> => {
      if (name === "close" && opening === undefined) return undefined;
      return (await opened())[name](...args);
    };
  const names = Object.keys(methods) as (keyof Port)[];
  return Object.fromEntries(names.map((name) => [name, forward(name)])) as unknown as Port;
}
