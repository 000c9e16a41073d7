import { availableParallelism, cpus } from "node:os";

import type { Row } from "./part.ts";

export interface Machine {
  readonly date: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
}

export function describeMachine(): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cpu: cpus()[0]?.model.trim() ?? "an unknown processor",
    cores: availableParallelism(),
  };
}

/** The figures as Markdown, ready for the README. */
export function markdown(machine: Machine, rows: readonly Row[], quick: boolean): string {
  const lines = rows.map(
    ({ figure, measured, beside = "", ratio }) =>
      `| ${figure} | ${measured} | ${beside} | ${ratio === undefined ? "" : `${ratio.toFixed(2)}×`} |`,
  );
  return [
    `Measured ${machine.date} with \`npm run bench${quick ? " -- --quick" : ""}\`: Node ${machine.node}, ${machine.cpu}, ${machine.cores} cores, load`,
    "generator on the same machine. Medians of rounds taken in turns; a ratio is the median of the rounds' own ratios.",
    "*Limit*: a bare `node:http` server that makes the same four commits of as many bytes and does nothing else.",
    "",
    "| figure | measured | beside it | ratio |",
    "|---|---|---|---|",
    ...lines,
  ].join("\n");
}
