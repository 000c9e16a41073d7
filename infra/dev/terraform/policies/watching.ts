import * as z from "zod";

import { alertForm, serviceForm } from "../resource-forms.ts";
import type { Policy } from "./deployment.ts";

type Alert = z.infer<typeof alertForm>;

/** What an alert must ask: of this metric, by these words in its filter, opening between these values. */
interface Wanted {
  readonly metric: string;
  readonly words: readonly string[];
  readonly atLeast?: number;
  readonly atMost: number;
}

const SWEPT_AFTER_MS = 60_000;
/** Of what must not happen at all, how much goes unnoticed. */
const A_FEW = 10;

/** Somebody hears when timers come later than the sweep, fail, or pile up. */
export const timersAreWatched: Policy = ({ state }) => {
  const alerts = state.all("google_monitoring_alert_policy", alertForm);
  const queues = state.all("google_cloud_tasks_queue", z.object({ name: z.string() }));
  return queues.flatMap(({ name, address }) => {
    const ofQueue = ['resource.type="cloud_tasks_queue"', `queue_id="${name}"`];
    const failed = 'response_code!=monitoring.regex.full_match("(?i)ok|2..")';
    return missing(alerts, address, [
      { metric: "cloudtasks.googleapis.com/queue/task_attempt_delays", words: ofQueue, atMost: SWEPT_AFTER_MS },
      { metric: "cloudtasks.googleapis.com/queue/task_attempt_count", words: [...ofQueue, failed], atMost: A_FEW },
      { metric: "cloudtasks.googleapis.com/queue/depth", words: ofQueue, atLeast: 1, atMost: Infinity },
    ]);
  });
};

/** Where guests are taken, somebody hears when their runner fails, has all its instances, or is slow: before its calls are cut off. */
export const runnerIsWatched: Policy = ({ state, manifest }) => {
  const alerts = state.all("google_monitoring_alert_policy", alertForm);
  const services = state.all("google_cloud_run_v2_service", serviceForm);
  const lines = state.all("google_logging_metric", z.object({ name: z.string(), filter: z.string() }));
  const errors = lines.find(({ filter }) => filter.includes("severity>=ERROR"))?.name ?? "none";
  const runners = manifest.functions.filter(({ kind }) => kind === "runner");
  return runners.flatMap(({ name, max_instances, timeout_seconds }) => {
    const service = services.find(({ template }) => template?.containers[0]?.args?.[0] === name);
    const ofRunner = [`service_name="${service?.name ?? name}"`];
    const full = max_instances - 1;
    return missing(alerts, service?.address ?? name, [
      {
        metric: "run.googleapis.com/request_count",
        words: [...ofRunner, 'response_code_class="5xx"'],
        atMost: A_FEW,
      },
      { metric: `logging.googleapis.com/user/${errors}`, words: ofRunner, atMost: A_FEW },
      { metric: "run.googleapis.com/container/instance_count", words: ofRunner, atLeast: full, atMost: full },
      {
        metric: "run.googleapis.com/request_latencies",
        words: ofRunner,
        atLeast: 1,
        atMost: (timeout_seconds * 1_000) / 2,
      },
    ]);
  });
};

function missing(alerts: readonly Alert[], address: string, wanted: readonly Wanted[]): readonly string[] {
  return wanted
    .filter(
      ({ metric, words, atLeast = 0, atMost }) =>
        !alerts.some(({ conditions }) =>
          conditions.some(({ condition_threshold: thresholds }) =>
            thresholds.some(
              ({ filter, threshold_value: value }) =>
                filter.includes(`metric.type="${metric}"`) &&
                words.every((word) => filter.includes(word)) &&
                (value ?? 0) >= atLeast &&
                (value ?? 0) <= atMost,
            ),
          ),
        ),
    )
    .map(({ metric }) => `${address}: no alert that can open tells of its ${metric}`);
}
