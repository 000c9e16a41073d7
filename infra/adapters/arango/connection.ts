import { type Database, Database as ArangoDatabase } from "arangojs";
import { isArangoError, isNetworkError } from "arangojs/errors";

import { RuntimeError } from "../../../shared/errors.ts";
import { graphUnavailable } from "../../../shared/ports/graph-states.ts";

export interface ArangoOptions {
  readonly url: string;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

const REQUEST_TIMEOUT_MS = 10_000;
/** The client's own is 3: a transaction would wait for its own reads behind others'. */
const POOL_SIZE = 16;

/** Errors of the server by their numbers (ArangoDB, "Error codes"). */
export const ARANGO = {
  conflict: 1200,
  documentNotFound: 1202,
  duplicateName: 1207,
  uniqueViolated: 1210,
  databaseNotFound: 1228,
} as const;

/** Nothing is sent yet; `databaseName` may be another than the configured one, for making that one. */
export function openArango({ url, user, password }: ArangoOptions, databaseName: string): Database {
  return new ArangoDatabase({
    url,
    databaseName,
    auth: { username: user, password },
    poolSize: POOL_SIZE,
    timeout: REQUEST_TIMEOUT_MS,
  });
}

/** The number of the server's error; undefined for anything else. */
export function errorNumber(error: unknown): number | undefined {
  return isArangoError(error) ? error.errorNum : undefined;
}

/**
 * What a call gives, or `graph_store.unavailable` for a server that does not answer, is overloaded, starting or shutting down, and for
 * one that does not let us in or lacks what set-up makes: all of that may be over at the next try.
 */
export async function answered<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    if (isNetworkError(error) || isArangoError(error)) throw graphUnavailable(withoutRequest(error));
    throw error;
  }
}

/** The client's errors hold the request, and it the password. */
function withoutRequest(error: Error): Error {
  const number = errorNumber(error);
  return new Error(number === undefined ? error.message : `${number}: ${error.message}`);
}
