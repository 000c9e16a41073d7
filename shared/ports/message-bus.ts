/** Where outbox messages go: at least once, in order for one ordering key. */
export interface MessageBus {
  /** Resolves when the bus has taken the message for good; rejects when it may not have. */
  publish(message: BusMessage): Promise<void>;
  /**
   * Has a message published at a time, in epoch milliseconds and 29 days ahead at the most; a repeat of the same `name` is none. Resolves when
   * that is certain. Absent where there is no clock but ours.
   */
  publishAt?(message: BusMessage, atMs: number, name: string): Promise<void>;
  ping(): Promise<void>;
}

export interface BusMessage {
  readonly topic: string;
  readonly orderingKey: string;
  /** Stable over repeats, so that a consumer can drop them. */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** UTF-8 text: a CloudEvent in structured JSON. */
  readonly data: string;
  /** Sent instead of `data`: a foreign message that is passed on as it came. */
  readonly bytes?: Uint8Array | undefined;
}
