import { defineConfig } from "vitest/config";

/** One project per folder of tests/; a folder that does not exist yet simply has no tests. Times in milliseconds. */
const projects = [
  { name: "unit", testTimeout: 5_000 },
  { name: "model", testTimeout: 120_000 },
  { name: "simulation", testTimeout: 60_000 },
  { name: "conformance", testTimeout: 15_000 },
  { name: "integration", testTimeout: 30_000 },
  { name: "e2e", testTimeout: 60_000 },
  { name: "security", testTimeout: 30_000 },
  { name: "architecture", testTimeout: 60_000 },
  { name: "terraform", testTimeout: 120_000 },
];

export default defineConfig({
  // `symphainy/client` from its sources, as everywhere in the repository.
  ssr: { resolve: { conditions: ["symphainy-source", "node"] } },
  test: {
    passWithNoTests: false,
    globalSetup: ["tests/kit/compile-cache-setup.ts", "tests/kit/parts-setup.ts"],
    allowOnly: false,
    // Many tests wait for real processes: one worker, which is the default on two cores, would leave both idle.
    maxWorkers: 2,
    projects: projects.map(({ name, testTimeout }) => ({
      test: {
        name,
        testTimeout,
        hookTimeout: testTimeout,
        include: [`tests/${name}/**/*.test.ts`],
        exclude: ["**/fixtures/**"],
        restoreMocks: true,
        unstubEnvs: true,
        unstubGlobals: true,
      },
    })),
  },
});
