import { setTimeout as sleep } from "node:timers/promises";

/** In the cloud a scheduler calls each job once a minute; nobody wants to wait for that here. */
const EVERY_MS = 2_000;

/** Calls the jobs again and again until told to stop; resolves when the last calls are over. */
export async function callJobs(
  urls: readonly string[],
  until: AbortSignal,
  say: (line: string) => void,
): Promise<void> {
  const callOnce = async (url: string): Promise<void> => {
    try {
      const response = await fetch(url, { method: "POST", signal: until });
      const text = await response.text();
      if (!response.ok) say(`${url} answered ${response.status}: ${text}`);
    } catch (error) {
      if (!until.aborted) say(`${url} cannot be reached: ${String(error)}`);
    }
  };
  const callOne = async (url: string): Promise<void> => {
    while (!until.aborted) {
      await callOnce(url);
      await sleep(EVERY_MS, undefined, { signal: until }).catch(() => undefined);
    }
  };
  await Promise.all(urls.map(callOne));
}
