import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";
import * as z from "zod";

const packageForm = z.object({ scripts: z.record(z.string(), z.string()) });

describe("the first command in a bare clone", () => {
  const { scripts } = packageForm.parse(JSON.parse(readFileSync("package.json", "utf8")));
  const installing = Object.entries(scripts).filter(([, script]) => script.includes("ensure-installed"));

  it.each(installing)("%s: what follows the installing is looked up anew", (_name, script) => {
    // A shell remembers where it found node before the project's own was there: only another shell finds that.
    expect(script).toMatch(/^node infra\/dev\/ensure-installed\.mjs(?: && npm run .*)?$/);
  });
});
