import { describe, expect, it } from "vitest";

import type { RuntimeError } from "../../../shared/errors.ts";
import { functionResources } from "../../../shared/sagas/function-resources.ts";
import { plainIntent } from "../../kit/plain-intent.ts";

describe("what an intent's function is deployed with", () => {
  it("is modest, and costs nothing while idle, unless the definition asks for more", () => {
    const definition = plainIntent("test.large", { resources: { memoryMb: 4_096 } })
      .step("work", { run: () => ({}) })
      .returns(() => ({}));
    expect(definition.resources).toEqual({
      memoryMb: 4_096,
      cpu: 1,
      concurrency: 40,
      minInstances: 0,
      maxInstances: 20,
    });
  });

  it.each([
    ["less memory than the platform gives", { memoryMb: 256 }, "memoryMb with 1 CPU must be from 512 to 4096, not 256"],
    ["more memory than goes with its CPU", { memoryMb: 4_608 }, "memoryMb with 1 CPU must be from 512 to 4096"],
    ["too little memory for its CPUs", { cpu: 4 }, "memoryMb with 4 CPU must be from 2048 to 16384, not 512"],
    ["no request at a time", { concurrency: 0 }, "concurrency must be from 1 to 1000, not 0"],
    ["half a request at a time", { concurrency: 1.5 }, "concurrency must be from 1 to 1000, not 1.5"],
    ["no bound on instances", { maxInstances: Infinity }, "maxInstances must be from 1 to 1000, not Infinity"],
    ["more instances kept than there may be", { minInstances: 3, maxInstances: 2 }, "minInstances must be from 0 to 2"],
  ] as const)("is refused when the definition is built: %s", (_, resources, message) => {
    const build = (): unknown => functionResources("test.bad", resources);
    expect(build).toThrow(expect.objectContaining({ code: "plan.bad_resources" } satisfies Partial<RuntimeError>));
    expect(build).toThrow(`test.bad: ${message}`);
  });
});
