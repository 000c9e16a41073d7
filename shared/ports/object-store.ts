/** Where bytes rest, named by their content. Paths are `/`-separated, without a leading slash. */
export interface ObjectStore {
  /** The kind of store, as an artifact's materialization names it. */
  readonly storageType: "files" | "gcs";
  /**
   * Writes the bytes of `source` to `<directory>/<sha256>.<extension>`: a reader sees all of them or none, and writing the
   * same bytes twice is writing them once.
   */
  write(target: ObjectTarget, source: AsyncIterable<Uint8Array>): Promise<WrittenObject>;
  /** Streams the bytes; throws `object.not_found` when there are none. */
  read(path: string): Promise<AsyncIterable<Uint8Array>>;
  /** Size in bytes, or undefined when absent. */
  size(path: string): Promise<number | undefined>;
  delete(path: string): Promise<void>;
  /** An absolute URI of the object, for people and records. */
  uri(path: string): string;
  /** Rejects when the store cannot be used right now. */
  ping(): Promise<void>;
}

export interface ObjectTarget {
  readonly directory: string;
  readonly extension: string;
  readonly contentType: string;
}

export interface WrittenObject {
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower-case hex, computed over the bytes as they were written. */
  readonly sha256: string;
}
