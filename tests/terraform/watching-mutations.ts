import type { Mutation } from "./mutations.ts";

const TIMERS = "modules/observability/timers.tf";
const RUNNER = "modules/observability/runner.tf";
const RUNTIME = "modules/runtime/main.tf";

/** Mistakes after which something would go wrong and nobody would hear of it. */
export const WATCHING_MUTATIONS: readonly Mutation[] = [
  {
    mistake: "the alerts of timers watch another queue",
    file: RUNTIME,
    find: "= module.timers.queue",
    replacement: '= "timer"',
    caughtBy: "timersAreWatched",
    says: /no alert that can open tells of its .*queue\/task_attempt_delays/,
  },
  {
    mistake: "the alert of failing timers counts those that did not fail",
    file: TIMERS,
    find: "response_code!=monitoring",
    replacement: "response_code=monitoring",
    caughtBy: "timersAreWatched",
    says: /no alert that can open tells of its .*queue\/task_attempt_count/,
  },
  {
    mistake: "timers may be later than the sweep, and nobody is told",
    file: TIMERS,
    find: "above    = 60000 ",
    replacement: "above    = 3600000 ",
    caughtBy: "timersAreWatched",
    says: /no alert that can open tells of its .*queue\/task_attempt_delays/,
  },
  {
    mistake: "timers that pile up are left out of the alerts",
    file: TIMERS,
    find: 'metric.type=\\"cloudtasks.googleapis.com/queue/depth\\"',
    replacement: 'metric.type=\\"cloudtasks.googleapis.com/api/request_count\\"',
    caughtBy: "timersAreWatched",
    says: /no alert that can open tells of its .*queue\/depth/,
  },
  {
    mistake: "guests are taken and nobody watches their runner",
    file: RUNTIME,
    find: "for runner in module.wasm_runner :",
    replacement: "for runner in [] :",
    caughtBy: "runnerIsWatched",
    says: /no alert that can open tells of its .*request_count/,
  },
  {
    mistake: "the runner has all its instances, and the alert waits for one more",
    file: RUNNER,
    find: "runner.max_instances - 1",
    replacement: "runner.max_instances",
    caughtBy: "runnerIsWatched",
    says: /no alert that can open tells of its .*instance_count/,
  },
  {
    mistake: "the runner is slow only when its calls are cut off",
    file: RUNNER,
    find: "above    = 10000 ",
    replacement: "above    = 60000 ",
    caughtBy: "runnerIsWatched",
    says: /no alert that can open tells of its .*request_latencies/,
  },
  {
    mistake: "the alert of the runner's errors counts what went well",
    file: RUNNER,
    find: 'response_code_class=\\"5xx\\"',
    replacement: 'response_code_class=\\"2xx\\"',
    caughtBy: "runnerIsWatched",
    says: /no alert that can open tells of its .*request_count/,
  },
];
