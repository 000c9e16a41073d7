import type { ObjectStore } from "../../shared/ports/object-store.ts";

/** An empty object store to test. */
export interface ObjectStoreUnderTest {
  readonly store: ObjectStore;
  /** Every object and every trace of one, as paths, so that a test sees what a failed write left behind. */
  all(): Promise<readonly string[]>;
  /** Puts other bytes in an object's place, behind the store's back. */
  overwrite(path: string, bytes: Uint8Array): Promise<void>;
  /** Sends a request as somebody who knows nothing but a signed URL. */
  send(url: string, request?: OutsideRequest): Promise<OutsideAnswer>;
  close(): Promise<void>;
}

export interface OutsideRequest {
  readonly method?: "GET" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface OutsideAnswer {
  readonly status: number;
  readonly text: string;
}

/** A store that can be taken away without harm to other tests. */
export interface FragileObjectStore extends ObjectStoreUnderTest {
  /** Nothing can be read or written any more. */
  takeAway(): Promise<void>;
  /** It is back, with what was in it. */
  bringBack(): Promise<void>;
}

export interface OpenObjectStores {
  readonly open: () => Promise<ObjectStoreUnderTest>;
  readonly openFragile: () => Promise<FragileObjectStore>;
}
