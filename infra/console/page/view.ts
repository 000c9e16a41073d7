import { ProblemError } from "../../../shared/client/problem-error.ts";
import type { Address } from "./address.ts";
import type { CatalogIntent } from "./catalog.ts";
import type { Connection } from "./connection.ts";
import { h } from "./dom.ts";

/** What a view works with. */
export interface Surroundings {
  readonly connection: Connection;
  readonly catalog: ReadonlyMap<string, CatalogIntent>;
  readonly address: Address;
  /** Aborts when another view is shown. */
  readonly signal: AbortSignal;
  /** Tells the reader what went wrong; undefined when all is well again. */
  readonly tell: (error: unknown) => void;
}

/** Shows something at once, and what it has to ask for when it comes. */
export type View = (surroundings: Surroundings) => HTMLElement;

/** Works at once and then again and again, while the view is shown and the tab is looked at. A failure is told, and does not end it. */
export async function repeatedly(
  work: () => Promise<void>,
  everyMs: number,
  { signal, tell }: Surroundings,
): Promise<void> {
  let failing = false;
  while (!signal.aborted) {
    if (!document.hidden) {
      try {
        await work();
        // What others told stays.
        if (failing) tell(undefined);
        failing = false;
      } catch (error) {
        failing = true;
        if (!signal.aborted) tell(error);
      }
    }
    await new Promise((resolve) => {
      setTimeout(resolve, everyMs);
    });
  }
}

/** A button that works once at a time, and tells how it failed. */
export function actionButton(
  label: string,
  work: () => Promise<void>,
  { tell }: Pick<Surroundings, "tell">,
): HTMLButtonElement {
  const button = h("button", { type: "button" }, label);
  button.addEventListener("click", () => {
    button.disabled = true;
    tell(undefined);
    work()
      .catch(tell)
      .finally(() => {
        button.disabled = false;
      });
  });
  return button;
}

/** An error in the words of the runtime, with every fault of a request. */
export function errorText(error: unknown): string {
  if (!(error instanceof ProblemError)) return error instanceof Error ? error.message : String(error);
  const faults = error.errors.map(({ path, message }) => `${path}: ${message}`);
  return [`${error.code}: ${error.message}`, ...faults].join("\n");
}
