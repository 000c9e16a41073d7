import type { GuestFailure } from "../../../shared/ports/wasm-runtime.ts";
import { GuestThread, type GuestThreadEvents } from "./guest-thread.ts";
import { LOW_PRIORITY } from "./thread-priority.ts";

/** A thread that dies before it was ready is tried again after this, so that a machine out of memory is not made worse. */
const START_AGAIN_AFTER_MS = 250;

export interface GuestThreadsOptions {
  readonly code: URL;
  /** How many are there from the beginning, for short calls. */
  readonly serving: number;
  /** With those that are at long calls, are being ended, or were started because a call waited. */
  readonly most: number;
  /** With which they let other threads go first from their beginning; such are started when a call waits. */
  readonly priority: number | undefined;
  readonly events: Omit<GuestThreadEvents, "ready"> & { readonly idle: () => void };
}

/**
 * The threads of a pool.
 *  T1  As many as `serving` are there for short calls, or on their way, as long as no more than `most` exist in all.
 *  T2  A thread whose call has become a long one leaves that number: it yields to the others from then on, another takes its
 *      place, and it ends after that call.
 *  T3  While a call waits and no thread is idle or on its way, one more is started, if all of them yield; they stay.
 */
export class GuestThreads {
  readonly #options: GuestThreadsOptions;
  readonly #serving = new Set<GuestThread>();
  readonly #leaving = new Set<GuestThread>();
  readonly #idle: GuestThread[] = [];
  readonly #ready = new Set<GuestThread>();
  #wanted: number;
  #closed = false;

  constructor(options: GuestThreadsOptions) {
    this.#options = options;
    this.#wanted = options.serving;
    this.#fill();
  }

  /** A thread that has nothing to do, best one that knows the module. */
  take(moduleKey: string): GuestThread | undefined {
    const knowing = this.#idle.findLastIndex(({ modules }) => modules.has(moduleKey));
    return this.#idle.splice(knowing === -1 ? this.#idle.length - 1 : knowing, 1)[0];
  }

  get yielding(): boolean {
    return this.#options.priority !== undefined;
  }

  /** Whether a thread has nothing to do, for a call that waits. */
  offers(): boolean {
    if (this.#idle.length > 0) return true;
    const onItsWay = [...this.#serving].some((thread) => !this.#ready.has(thread));
    if (!this.yielding || onItsWay || this.#size >= this.#options.most) return false;
    this.#wanted = this.#serving.size + 1;
    this.#fill();
    return false;
  }

  /** The thread's call is over, and it may have another. */
  giveBack(thread: GuestThread): void {
    if (this.#serving.has(thread)) this.#idle.push(thread);
    else void thread.end();
  }

  /** The thread's call has become a long one: T2. Without room for another it stays. */
  letLeave(thread: GuestThread): void {
    if (!this.#serving.has(thread) || this.#size >= this.#options.most) return;
    this.#leave(thread);
    thread.yieldToOthers(LOW_PRIORITY);
  }

  /** Ends a thread, whatever it is at. */
  end(thread: GuestThread): void {
    this.#leave(thread);
    void thread.end();
  }

  forget(moduleKey: string): void {
    for (const thread of [...this.#serving, ...this.#leaving])
      if (thread.modules.delete(moduleKey)) thread.send({ kind: "forget", key: moduleKey });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#serving, ...this.#leaving].map((thread) => thread.end()));
  }

  get #size(): number {
    return this.#serving.size + this.#leaving.size;
  }

  #leave(thread: GuestThread): void {
    if (!this.#serving.delete(thread)) return;
    this.#leaving.add(thread);
    this.#fill();
  }

  #fill(): void {
    const { code, most, priority, events } = this.#options;
    while (!this.#closed && this.#serving.size < this.#wanted && this.#size < most) {
      const thread = new GuestThread(code, {
        ...events,
        ready: (ready) => {
          this.#ready.add(ready);
          if (priority !== undefined) ready.yieldToOthers(priority);
          if (!this.#serving.has(ready)) return;
          this.#idle.push(ready);
          events.idle();
        },
        ended: (ended, failure) => this.#ended(ended, failure),
      });
      this.#serving.add(thread);
    }
  }

  #ended(thread: GuestThread, failure: GuestFailure): void {
    this.#serving.delete(thread);
    this.#leaving.delete(thread);
    const place = this.#idle.indexOf(thread);
    if (place !== -1) this.#idle.splice(place, 1);
    this.#options.events.ended(thread, failure);
    if (this.#ready.delete(thread)) this.#fill();
    else setTimeout(() => this.#fill(), START_AGAIN_AFTER_MS).unref();
  }
}
