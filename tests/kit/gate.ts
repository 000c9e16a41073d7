/** A door that steps wait at until a test opens it. */
export interface Gate {
  /** How many came to the door so far. */
  readonly arrived: number;
  /** Resolves when the gate is open. */
  pass(): Promise<void>;
  open(): void;
}

export function createGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  let arrived = 0;
  return {
    get arrived() {
      return arrived;
    },
    pass: () => {
      arrived += 1;
      return promise;
    },
    open: resolve,
  };
}
