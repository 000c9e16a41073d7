import { spawn } from "node:child_process";
import path from "node:path";
import { text } from "node:stream/consumers";

interface Stage {
  readonly name: string;
  /** A program of node_modules/.bin and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
}

/** What must hold before a change is handed in; `npm run verify -- --without-tests` leaves out the last. */
const STAGES: readonly Stage[] = [
  { name: "format", command: ["oxfmt", "--check"] },
  { name: "lint", command: ["oxlint"] },
  { name: "types", command: ["tsc"] },
  { name: "page", command: ["tsc", "--project", "infra/console"] },
  { name: "unused", command: ["knip", "--no-config-hints"] },
  { name: "contracts", command: ["node", "infra/build/contracts.ts"] },
  { name: "build", command: ["node", "infra/build/main.ts", "--check"] },
  { name: "tests", command: ["vitest", "run"] },
];

const root = path.resolve(import.meta.dirname, "../..");
const withoutTests = process.argv.includes("--without-tests");
const stages = STAGES.filter((stage) => !(withoutTests && stage.name === "tests"));

let failed = 0;
for (const stage of stages) {
  const started = performance.now();
  const { ok, output } = await run(stage);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${ok ? "ok    " : "FAILED"} ${stage.name.padEnd(9)} ${seconds.padStart(6)} s`);
  if (!ok) console.log(`\n${output.trim()}\n`);
  failed += ok ? 0 : 1;
}
console.log(failed === 0 ? "All stages passed." : `${failed} of ${stages.length} stages failed.`);
// The number of failed stages, which .ci/run adds to the failed tests.
process.exitCode = failed;

async function run(stage: Stage): Promise<{ readonly ok: boolean; readonly output: string }> {
  const [program, ...args] = stage.command;
  const bin = path.join(root, "node_modules", ".bin");
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env["PATH"] ?? ""}` };
  const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  const code = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve(status ?? 1));
  });
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), code]);
  return { ok: status === 0, output: `${stdout}\n${stderr}` };
}
