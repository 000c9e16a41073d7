import type { Bundle } from "./bundle.ts";

const KB = 1_024;
/** What every function needs: the engine, HTTP with its schemas, the two ways to serve it, and the wrapper of each module. */
const BASE_KB = 394;
/** A definition is a schema, a plan and the little code of its steps; what is larger than that is imported by the step that needs it. */
const PER_INTENT_KB = 12;

/** What may be loaded before the first request. Whoever adds to this list adds to the start of every function. */
const LOADED_PACKAGES: ReadonlySet<string> = new Set(["zod"]);

/**
 * What is wrong with a bundle's weight, if anything: no client of a service, no parser and no more code than its intents account for
 * may be loaded at its start. Clients wait for the choice of adapters, parsers for the step that parses.
 */
export function overBudget({ spec, loadBytes, loadPackages, loadIntents }: Bundle): readonly string[] {
  const budgetKb = BASE_KB + PER_INTENT_KB * loadIntents;
  const strangers = loadPackages.filter((name) => !LOADED_PACKAGES.has(name));
  return [
    ...(loadBytes <= budgetKb * KB
      ? []
      : [
          `${spec.name} loads ${Math.ceil(loadBytes / KB)} KB at its start and may load ${budgetKb}: import what a step needs in the step, by import().`,
        ]),
    ...strangers.map((name) => `${spec.name} loads ${name} at its start: import it where it is used, by import().`),
  ];
}
