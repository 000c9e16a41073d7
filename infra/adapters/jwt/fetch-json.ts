const TIMEOUT_MS = 5_000;
/** Far above what issuers have: a dozen keys are 10 KB. */
const MAX_CHARS = 512 * 1024;

/** What a URL answers, as JSON; rejects on anything but 200, on redirects, and after five seconds. */
export async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: "application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`${url} answered ${response.status}.`);
  }
  const text = await response.text();
  if (text.length > MAX_CHARS) throw new Error(`${url} answered ${text.length} characters.`);
  return JSON.parse(text) as unknown;
}
