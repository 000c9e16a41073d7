import { TerminalError } from "../../shared/sagas/retry-policy.ts";

/** A third party: it takes effects under a key, and undoes them or refuses them from then on. It does not drop repeats. */
export class ExternalSystem {
  /** Whether somebody has mended what made steps fail for good. */
  mended = false;
  readonly applied = new Map<string, number>();
  readonly undone = new Set<string>();

  apply(key: string): void {
    if (this.undone.has(key)) throw new TerminalError("external.refused", `${key} was called off.`);
    this.applied.set(key, (this.applied.get(key) ?? 0) + 1);
  }

  undo(key: string): void {
    this.undone.add(key);
  }

  /** Keys of effects that stand. */
  get standing(): readonly string[] {
    return [...this.applied.keys()].filter((key) => !this.undone.has(key));
  }
}
