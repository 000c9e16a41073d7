/** Something that is opened when it is first asked for, once for all who ask; an opening that fails is tried again by the next. */
export interface Late<Opened> {
  open(): Promise<Opened>;
  /** What was opened, or is being opened; undefined where nobody has asked. */
  readonly begun: Promise<Opened> | undefined;
}

export function late<Opened>(open: () => Promise<Opened>): Late<Opened> {
  let opening: Promise<Opened> | undefined;
  return {
    open: () =>
      (opening ??= open().catch((error: unknown) => {
        opening = undefined;
        throw error;
      })),
    get begun() {
      return opening;
    },
  };
}

type Asynchronous<Port> = { readonly [Name in keyof Port]: (...args: never[]) => Promise<unknown> };

/**
 * A port whose adapter is opened when one of its methods is called for the first time, which may be never; closing one that was
 * never opened opens nothing.
 */
export function onFirstUse<Port extends Asynchronous<Port> & { close(): Promise<void> }>(
  methods: Readonly<Record<keyof Port, true>>,
  open: () => Promise<Port>,
): Port {
  const adapter = late(open);
  const forward =
    (name: keyof Port) =>
    async (...args: never[]): Promise<unknown> => {
      if (name === "close" && adapter.begun === undefined) return undefined;
      return (await adapter.open())[name](...args);
    };
  const names = Object.keys(methods) as (keyof Port)[];
  return Object.fromEntries(names.map((name) => [name, forward(name)])) as unknown as Port;
}
