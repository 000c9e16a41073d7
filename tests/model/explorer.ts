/**
 * Stateless exploration by replay: a history is the sequence of the choices that led to it, and is run again from its
 * beginning for each variation. Histories are explored in the order of how often they deviate from the default (choice 0),
 * so that the first violation found is one of the shortest.
 *  X1  Every choice at every point of every history is taken, within the budgets of the scenario.
 *  X2  A state that was seen before is not continued: its fingerprint holds all that its future depends on.
 */
export interface Chooser {
  /** Whether the next choice repeats one of a history that was looked at before. */
  readonly replaying: boolean;
  /** The option to take; undefined when the state was seen before and the history ends here. */
  choose(options: readonly string[], fingerprint: () => string): number | undefined;
}

export interface Violation {
  readonly invariant: string;
  readonly message: string;
}

export interface History {
  readonly steps: readonly string[];
  readonly violations: readonly Violation[];
}

export interface Counterexample extends Violation {
  readonly steps: readonly string[];
}

export interface Exploration {
  readonly histories: number;
  readonly states: number;
  readonly seconds: number;
  /** The shortest for each invariant. */
  readonly counterexamples: readonly Counterexample[];
}

export interface ExploreOptions {
  readonly run: (chooser: Chooser) => Promise<History>;
  /** Milliseconds, for the report only. */
  readonly now: () => number;
  /** Stops as soon as these invariants were violated; default: explores everything. */
  readonly until?: readonly string[];
  /** A guard against a scenario that was made too large: throws when there are more. */
  readonly maxHistories: number;
}

export async function explore({ run, now, until = [], maxHistories }: ExploreOptions): Promise<Exploration> {
  const startedMs = now();
  const seen = new Set<string>();
  const found = new Map<string, Counterexample>();
  let histories = 0;
  let generation: Uint8Array[] = [new Uint8Array()];
  while (generation.length > 0) {
    const next: Uint8Array[] = [];
    for (const prefix of generation) {
      histories += 1;
      if (histories > maxHistories) throw new RangeError(`more than ${maxHistories} histories: tighten the budgets`);
      const history = await run(createChooser(prefix, seen, (variation) => next.push(variation)));
      for (const violation of history.violations) keepShortest(found, { ...violation, steps: history.steps });
      if (until.length > 0 && until.every((invariant) => found.has(invariant))) generation = next.splice(0);
    }
    generation = next;
  }
  return {
    histories,
    states: seen.size,
    seconds: (now() - startedMs) / 1_000,
    counterexamples: [...found.values()].toSorted((a, b) => a.steps.length - b.steps.length),
  };
}

function createChooser(prefix: Uint8Array, seen: Set<string>, vary: (prefix: Uint8Array) => void): Chooser {
  const taken: number[] = [];
  return {
    get replaying() {
      // The last choice of the prefix leads to what is new.
      return taken.length < prefix.length;
    },
    choose: (options, fingerprint) => {
      if (options.length === 1) return 0;
      const given = prefix[taken.length];
      if (given !== undefined) {
        taken.push(given);
        return given;
      }
      const state = fingerprint();
      if (seen.has(state)) return undefined;
      seen.add(state);
      for (let option = 1; option < options.length; option += 1) vary(Uint8Array.from([...taken, option]));
      taken.push(0);
      return 0;
    },
  };
}

function keepShortest(found: Map<string, Counterexample>, candidate: Counterexample): void {
  const known = found.get(candidate.invariant);
  if (known === undefined || known.steps.length > candidate.steps.length) found.set(candidate.invariant, candidate);
}

/** A counterexample as a person reads it. */
export function describe({ invariant, message, steps }: Counterexample): string {
  return [`${invariant}: ${message}`, ...steps.map((step, index) => `  ${index + 1}. ${step}`)].join("\n");
}
