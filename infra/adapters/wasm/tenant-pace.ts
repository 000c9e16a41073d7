import type { TenantId } from "../../../shared/ids.ts";

/** Of the mean so far; the rest is the newest call. */
const WEIGHT_OF_PAST = 0.7;
/** Beyond this a call is felt by those that wait for a processor: about as long as Linux lets one thread run before another. */
const LONG_MS = 2;
/** One call of the last four. */
const OFTEN = 0.25;
/** What a call that was cut off counts as, at least: the next ones of its tenant are not taken for short ones. */
const CUT_OFF_COUNTS_MS = 20;
const MAX_REMEMBERED = 1_000;

/** How the calls of a tenant are. */
export type Pace = "short" | "long" | "cut_off";

interface Means {
  readonly cpuMs: number;
  /** The share of those that were cut off. */
  readonly cutOff: number;
}

/**
 * How the calls of each tenant have run lately, the newest counting most; who is not known has short ones.
 *  P1  They are long while they take more than 2 ms of processor time in the mean.
 *  P2  They count as cut off while about one in four or more ends by a trap or at a limit; it takes a few good ones after the last.
 */
export class TenantPace {
  readonly #means = new Map<TenantId, Means>();

  add(tenantId: TenantId, cpuMs: number, cutOff: boolean): void {
    const newest: Means = { cpuMs: cutOff ? Math.max(cpuMs, CUT_OFF_COUNTS_MS) : cpuMs, cutOff: cutOff ? 1 : 0 };
    const past = this.#means.get(tenantId) ?? newest;
    const mean = (key: keyof Means): number => past[key] * WEIGHT_OF_PAST + newest[key] * (1 - WEIGHT_OF_PAST);
    this.#means.delete(tenantId);
    this.#means.set(tenantId, { cpuMs: mean("cpuMs"), cutOff: mean("cutOff") });
    const [oldest] = this.#means.keys();
    if (this.#means.size > MAX_REMEMBERED && oldest !== undefined) this.#means.delete(oldest);
  }

  of(tenantId: TenantId): Pace {
    const means = this.#means.get(tenantId);
    if (means === undefined) return "short";
    if (means.cutOff > OFTEN) return "cut_off";
    return means.cpuMs > LONG_MS ? "long" : "short";
  }
}
