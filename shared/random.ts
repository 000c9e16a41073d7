/** Randomness as the code sees it; injected, so that a seed can replay a run. */
export interface Random {
  /** A version 4 UUID (RFC 9562). */
  uuid(): string;
  /** Uniform in [0, 1). */
  fraction(): number;
}
