/** Makes and opens keys of 32 bytes under a master key that never leaves it (envelope encryption, as a KMS does it). */
export interface DataKeys {
  /** A new key, and the same wrapped, in base64; `context` must be given again to unwrap it. */
  generate(context: string): Promise<{ readonly key: Uint8Array; readonly wrappedKey: string }>;
  /** Throws `subject.key_unreadable` for what was wrapped by another master key, or for another context. */
  unwrap(wrappedKey: string, context: string): Promise<Uint8Array>;
  /** The same key wrapped by the master key in use; undefined for one that is. Throws as `unwrap` does. */
  rewrap(wrappedKey: string, context: string): Promise<string | undefined>;
  /** Whether there is a master key that goes, so that something may have to be wrapped anew. */
  readonly isChanging: boolean;
}
