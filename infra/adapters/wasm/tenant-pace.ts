import type { TenantId } from "../../../shared/ids.ts";

/** Of the mean so far; the rest is the newest call. */
const WEIGHT_OF_PAST = 0.7;
/** Beyond this a call is felt by those that wait for a processor: about as long as Linux lets one thread run before another. */
const SLOW_MS = 2;
const MAX_REMEMBERED = 1_000;

/**
 * How much processor time the calls of each tenant have taken lately.
 *  P1  A tenant is slow while its calls take more than 2 ms in the mean, the newest counting most; who is not known is not slow.
 */
export class TenantPace {
  readonly #means = new Map<TenantId, number>();

  add(tenantId: TenantId, cpuMs: number): void {
    const before = this.#means.get(tenantId) ?? cpuMs;
    this.#means.delete(tenantId);
    this.#means.set(tenantId, before * WEIGHT_OF_PAST + cpuMs * (1 - WEIGHT_OF_PAST));
    const [oldest] = this.#means.keys();
    if (this.#means.size > MAX_REMEMBERED && oldest !== undefined) this.#means.delete(oldest);
  }

  isSlow(tenantId: TenantId): boolean {
    return (this.#means.get(tenantId) ?? 0) > SLOW_MS;
  }
}
