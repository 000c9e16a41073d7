/** Where bytes rest, named by their content. Paths are `/`-separated, without a leading slash. */
export interface ObjectStore {
  /** The kind of store, as an artifact's materialization names it. */
  readonly storageType: "files" | "gcs";
  /**
   * Writes the bytes of `source` to `<directory>/<sha256>.<extension>`: a reader sees all of them or none, and writing the
   * same bytes twice is writing them once.
   */
  write(target: ObjectTarget, source: AsyncIterable<Uint8Array>): Promise<WrittenObject>;
  /**
   * Streams the bytes; throws `object.not_found` when there are none. Who reads a whole object to its end gets
   * `object.damaged` there when the bytes are not those that its name tells; a range cannot be checked.
   */
  read(path: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>;
  /** Size in bytes, or undefined when absent. */
  size(path: string): Promise<number | undefined>;
  delete(path: string): Promise<void>;
  /** Deletes every object below a directory; doing it again is doing it once. */
  deleteBelow(directory: string): Promise<void>;
  /** An absolute URI of the object, for people and records. */
  uri(path: string): string;
  /** Rejects when the store cannot be used right now. */
  ping(): Promise<void>;

  /**
   * Leave to put one object at `path`, once: exactly so many bytes of this type, before it expires. The URL is relative
   * when it leads to this server (`served`).
   */
  signUpload(upload: UploadLeave): Promise<SignedRequest>;
  /** A URL that gives an object's bytes to whoever holds it until it expires; relative when it leads to this server. */
  signDownload(download: DownloadLeave): Promise<string>;
  /**
   * Names what was uploaded to `path` by its content, as `write` would, without moving the bytes through this process's
   * memory. The upload stays; doing it again is doing it once. Throws `object.not_found` when nothing was uploaded.
   */
  adopt(path: string, target: ObjectTarget): Promise<WrittenObject>;
  /** Gives up the bytes of an upload, and leaves an empty object in their place: its URL takes no others. Doing it again is doing it once. */
  spend(path: string): Promise<void>;
  /** What is behind the signed URLs that lead to this server; undefined where they lead to the store itself. */
  readonly served: ServedObjects | undefined;
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

/** Offsets of the first and the last byte, both inclusive, as HTTP counts them (RFC 9110, section 14.1.2). */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export interface UploadLeave {
  readonly path: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly expiresMs: number;
}

export interface DownloadLeave {
  readonly path: string;
  /** What the bytes are said to be, and the name that they are offered to be saved under. */
  readonly contentType: string;
  readonly filename: string;
  readonly expiresMs: number;
}

export interface SignedRequest {
  readonly url: string;
  readonly method: "PUT";
  /** All of them must be sent as they are; the signature covers them. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Objects for whoever brings a signed URL of this server, which is proof enough.
 * Both throw `signed_url.invalid` and `signed_url.expired` (403).
 */
export interface ServedObjects {
  /** The path below which the signed URLs are, with a slash at both ends. */
  readonly root: string;
  /**
   * Puts the object, whole or not at all. Throws `upload.already_complete` (409), `upload.wrong_size` (422) or
   * `upload.wrong_type` (415).
   */
  put(url: URL, body: UploadedBody): Promise<void>;
  get(url: URL): Promise<ServedObject>;
}

export interface UploadedBody {
  readonly contentType: string | undefined;
  /** As declared; undefined when the sender did not say. */
  readonly sizeBytes: number | undefined;
  readonly source: AsyncIterable<Uint8Array>;
}

export interface ServedObject {
  readonly path: string;
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly filename: string;
}
