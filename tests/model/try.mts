import { explore, describe } from "./explorer.ts";
import { World } from "./world.ts";
import * as P from "./plans.ts";
Error.stackTraceLimit = 0;
const all = { crashes: 1, takeovers: 1, cancels: 1, preemptions: 2, errors: 1, duplicates: 1 };
const S: Record<string, any> = {
  two: P.steps(2), twofail: P.steps(2, { s2: { fails: "after" } }),
  ends: P.steps(2, {}, "ends"), endsfail: P.steps(2, { s2: { fails: "after" } }, "ends"), endsretry: P.steps(2, { s2: { failsOnce: true } }, "ends"),
  retry: P.steps(2, { s2: { failsOnce: true, emits: true } }),
  undoonce: P.steps(2, { s2: { fails: "after" }, s1: { undoFails: "once" } }),
  undoalways: { ...P.steps(2, { s2: { fails: "after" }, s1: { undoFails: "always" } }), mayDie: true },
  par: P.sideBySide(), parfail: P.sideBySide({ fails: "after" }), parretry: P.sideBySide({ failsOnce: true }),
  wait: { ...P.waiting("compensate"), budgets: { signals: 1 } }, waitcont: { ...P.waiting("continue", { fails: "after" }), budgets: { signals: 2 } },
  call: P.calling(), callfail: P.calling({ fails: "after" }), callchildfail: P.calling({}, { fails: "after" }), callnothing: P.callingNothing(),
  pivot: P.pastPivot({}, { failsOnce: true }), pivotdie: { ...P.pastPivot({}, { fails: "after" }), mayDie: true }, pivotfail: P.pastPivot({ fails: "after" }, {}),
  telling: P.onlyTelling(),
  regfail: { ...P.registering("fail"), budgets: { rivals: 1 } }, regfailends: P.registering("fail", "ends"), regwait: { ...P.registering("wait"), budgets: { rivals: 1 } }, regbad: P.registering("bad output"),
  raw: P.outside("at-least-once"), once: { ...P.outside("at-most-once"), atMostOnce: ["o"], budgets: { drains: 1 } },
  drain: { ...P.steps(2), budgets: { drains: 1 } }, drainpar: { ...P.sideBySide(), budgets: { drains: 1 } },
};
const faults = Number(process.argv[2] ?? 1);
for (const name of process.argv[3] ? process.argv.slice(3) : Object.keys(S)) {
  const scenario = { ...S[name], budgets: { ...all, ...S[name].budgets, faults } };
  try {
  const r = await explore({ run: (c) => new World(scenario as any, c).run(), now: () => performance.now(), maxHistories: 100000 });
  console.log(name, r.histories, r.states, r.seconds.toFixed(1));
  for (const c of r.counterexamples) console.log(describe(c));
  } catch (e) { console.log(name, "THREW", e); }
}
