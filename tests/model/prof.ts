import { explore } from "./explorer.ts";
import { World } from "./world.ts";
import { steps } from "./plans.ts";
const scenario = {
  ...steps(3, { s3: { fails: "after" } }),
  budgets: { crashes: 1, errors: 1, takeovers: 1, cancels: 1, preemptions: 1, faults: 2 },
} as const;
const r = await explore({
  run: (c) => new World(scenario, c).run(),
  now: () => performance.now(),
  maxHistories: 300000,
});
console.log(r.histories, r.states, r.seconds);
console.log((globalThis as any).n, (globalThis as any).m);
