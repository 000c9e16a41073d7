/** Made when it is first asked for, so that a suite that is skipped makes nothing; `made` is it, if it was. */
export interface Lazy<Thing> {
  (): Thing;
  readonly made: () => Thing | undefined;
}

export function lazy<Thing>(make: () => Thing): Lazy<Thing> {
  let thing: Thing | undefined;
  return Object.assign(() => (thing ??= make()), { made: () => thing });
}
