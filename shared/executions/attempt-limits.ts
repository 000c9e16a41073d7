import type { Clock } from "../clock.ts";
import { RuntimeError } from "../errors.ts";

const ENDED = "the step has ended";
const UNWANTED = "the saga has no use for the result any more";

export interface Limits {
  readonly stepName: string;
  readonly timeoutMs: number;
  /** Aborts when the process must end. */
  readonly stopping: AbortSignal;
  /** Aborts when the saga has no use for the result any more; made when it is first asked for. An undo is always wanted. */
  readonly unwanted?: () => AbortSignal;
}

/**
 * What ends an attempt before its step does. Most steps answer at once and never look: the signal is made when it is asked
 * for, and time is watched only while somebody waits.
 */
export class AttemptLimits {
  readonly #clock: Clock;
  readonly #limits: Limits;
  #over: AbortController | undefined;
  #timer: AbortController | undefined;
  /** Why the attempt must end, once it must. */
  #reason: RuntimeError | undefined;
  #tellWaiter: ((reason: RuntimeError) => void) | undefined;
  #watching = false;
  #ended = false;

  constructor(clock: Clock, limits: Limits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Aborts when the step's time is over, the process must end, or nobody wants the result any more. */
  get signal(): AbortSignal {
    if (this.#over === undefined) {
      this.#over = new AbortController();
      this.#watch();
      // It may be asked for late, when what would abort it has come already.
      if (this.#limits.unwanted?.().aborted === true) this.#onUnwanted();
      if (this.#reason !== undefined) this.#over.abort(this.#reason);
    }
    return this.#over.signal;
  }

  /** Rejects with `step.timed_out` or `step.stopped`; ask only while the step is at work. */
  reached(): Promise<never> {
    const { promise, reject } = Promise.withResolvers<never>();
    this.#tellWaiter = reject;
    this.#watch();
    if (this.#reason === undefined) {
      this.#timer = new AbortController();
      void this.#watchTime(this.#timer.signal);
    } else {
      reject(this.#reason);
    }
    return promise;
  }

  end(): void {
    this.#ended = true;
    // With a reason of its own an abort makes no error with a stack, which each step would pay for.
    this.#timer?.abort(ENDED);
    if (!this.#watching) return;
    this.#limits.stopping.removeEventListener("abort", this.#onStop);
    this.#limits.unwanted?.().removeEventListener("abort", this.#onUnwanted);
  }

  #watch(): void {
    if (this.#watching || this.#ended) return;
    this.#watching = true;
    const { stopping } = this.#limits;
    const unwanted = this.#limits.unwanted?.();
    stopping.addEventListener("abort", this.#onStop, { once: true });
    unwanted?.addEventListener("abort", this.#onUnwanted, { once: true });
    if (stopping.aborted) this.#onStop();
  }

  readonly #onUnwanted = (): void => this.#over?.abort(UNWANTED);

  readonly #onStop = (): void =>
    this.#cutShort(new RuntimeError("step.stopped", "The process must end.", { status: 503, retryable: true }));

  async #watchTime(ended: AbortSignal): Promise<void> {
    const { stepName, timeoutMs } = this.#limits;
    await this.#clock.sleep(timeoutMs, ended);
    if (ended.aborted) return;
    const message = `The step ${stepName} took longer than ${timeoutMs} ms.`;
    this.#cutShort(new RuntimeError("step.timed_out", message, { status: 504, retryable: true }));
  }

  #cutShort(error: RuntimeError): void {
    this.#reason = error;
    this.#over?.abort(error);
    this.#tellWaiter?.(error);
  }
}
