const MAX_WAIT_MS = 600_000;

/**
 * How long a caller wants to wait for a result, in milliseconds, from its Prefer header: of `respond-async` and `wait` together the
 * wait, which is how long it may take before the answer comes at once (RFC 7240, sections 4.1 and 4.3).
 */
export function readPreference(header: string | undefined, fallbackMs: number): number {
  const preferences = (header ?? "")
    .toLowerCase()
    .split(",")
    .map((preference) => preference.trim());
  for (const preference of preferences) {
    const seconds = /^wait="?(\d{1,9})"?$/.exec(preference)?.[1];
    if (seconds !== undefined) return Math.min(Number(seconds) * 1_000, MAX_WAIT_MS);
  }
  return preferences.includes("respond-async") ? 0 : fallbackMs;
}
