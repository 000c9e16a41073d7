import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

import type { TestModule, TestProject } from "vitest/node";

import { findMissingParts, type MissingPart } from "../../infra/dev/parts/find-parts.ts";
import { startFirestoreEmulator } from "../../infra/dev/parts/firestore-emulator.ts";
import type { Part } from "../../infra/dev/parts/part.ts";
import { startPostgres } from "../../infra/dev/parts/postgres-server.ts";
import { startPubsubEmulator } from "../../infra/dev/parts/pubsub-emulator.ts";
import { temporaryFolder } from "./temporary-folder.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly missingParts: readonly MissingPart[];
    /** Where the run's own server starts an emulator when the first test asks for it. */
    readonly sharedPartsUrl: string;
  }
}

/** How the suites begin that are skipped for want of a part. */
export const NEEDS = "needs ";

/** The folder goes with the run: its path is the run's own. */
async function startSharedPostgres(): Promise<Part> {
  const folder = await temporaryFolder();
  const part = await startPostgres({ directory: folder.path });
  const stop = async (): Promise<void> => {
    await part.stop();
    await folder[Symbol.asyncDispose]();
  };
  return { ...part, stop };
}

const STARTERS: ReadonlyMap<string, () => Promise<Part>> = new Map([
  ["/firestore", startFirestoreEmulator],
  ["/pubsub", startPubsubEmulator],
  ["/postgres", startSharedPostgres],
]);

/**
 * Once for a whole run of the tests: says which parts this machine lacks, and keeps one emulator of a kind for all test files.
 * An emulator costs seconds and 250 MB, so it starts when the first test asks for it, and ends with the run.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const missing = await findMissingParts();
  const started = new Map<string, Promise<Part>>();
  const server = await serveParts(started);
  project.provide("missingParts", missing);
  project.provide("sharedPartsUrl", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  if (missing.length > 0)
    say(missing.map(({ lacks, remedy }) => `${lacks}: tests that need it are skipped. To install it: ${remedy}`));

  return async () => {
    server.closeAllConnections();
    server.close();
    await Promise.all(
      [...started.values()].map((part) =>
        part.then(
          ({ stop }) => stop(),
          () => undefined,
        ),
      ),
    );
    if (missing.length > 0) say([...skippedBecause(project.vitest.state.getTestModules()), ...remediesOf(missing)]);
  };
}

async function serveParts(started: Map<string, Promise<Part>>): Promise<Server> {
  const server = createServer((request, response) => {
    const name = request.url ?? "";
    const start = STARTERS.get(name);
    if (start === undefined) return void response.writeHead(404).end();
    const part = started.get(name) ?? start();
    started.set(name, part);
    part.then(
      ({ host, port }) => response.end(JSON.stringify({ host, port })),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** How many tests were left out, by the line that says why. */
function skippedBecause(modules: readonly TestModule[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const module of modules) {
    for (const suite of module.children.suites()) {
      if (!suite.name.startsWith(NEEDS)) continue;
      const tests = [...suite.children.allTests()].length;
      counts.set(suite.name, (counts.get(suite.name) ?? 0) + tests);
    }
  }
  return [...counts].map(([why, tests]) => `SKIPPED ${tests} tests: ${why}`);
}

function remediesOf(missing: readonly MissingPart[]): readonly string[] {
  return missing.map(({ lacks, remedy }) => `to have ${lacks}: ${remedy}`);
}

function say(lines: readonly string[]): void {
  process.stderr.write(`\n${["PARTS ARE MISSING", ...lines.map((line) => `  ${line}`)].join("\n")}\n\n`);
}
