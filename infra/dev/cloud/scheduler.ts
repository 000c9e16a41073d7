import { setTimeout as sleep } from "node:timers/promises";

export interface ScheduledJob {
  readonly url: string;
  readonly everyMs: number;
}

/** Calls each job at its own pace until told to stop; resolves when the last calls are over. */
export async function callJobs(
  jobs: readonly ScheduledJob[],
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
  const callAgain = async ({ url, everyMs }: ScheduledJob): Promise<void> => {
    while (!until.aborted) {
      await callOnce(url);
      await sleep(everyMs, undefined, { signal: until }).catch(() => undefined);
    }
  };
  await Promise.all(jobs.map(callAgain));
}
