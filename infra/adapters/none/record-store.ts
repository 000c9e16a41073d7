import { RuntimeError } from "../../../shared/errors.ts";
import type { RecordStore } from "../../../shared/ports/record-store.ts";

/**
 * Where no record store is configured: every call is refused with `records.not_configured` (501), which no repeat mends.
 * On Cloud Run the alternative would be a file that is lost with its instance.
 */
export function createAbsentRecordStore(): RecordStore {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new RuntimeError(
        "records.not_configured",
        "This deployment has no record store: set RECORDS=postgres and DATABASE_URL.",
        { status: 501 },
      ),
    );
  const nothing = (): Promise<void> => Promise.resolve();
  const subjectKeys = { get: refuse, add: refuse, list: refuse, rewrap: refuse, erase: refuse };
  return {
    get: refuse,
    list: refuse,
    apply: refuse,
    undo: refuse,
    dropTombstones: refuse,
    subjectKeys,
    ping: nothing,
    close: nothing,
  };
}
