import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { openProviderHost } from "../../infra/dev/terraform/provider-host.ts";
import { runTerraform } from "../../infra/dev/terraform/run-terraform.ts";
import { copyTerraformTree, terraformFolders } from "../../infra/dev/terraform/terraform-tree.ts";
import { withParts } from "../kit/parts.ts";
import { lazy } from "./lazy.ts";

const TERRAFORM = path.resolve(import.meta.dirname, "../../terraform");
const { modules, roots } = terraformFolders();

describe.each([...modules, ...roots])("terraform/%s", (folder) => {
  const at = (name: string): string => path.join(TERRAFORM, folder, name);
  const declared = readdirSync(path.join(TERRAFORM, folder))
    .filter((name) => name.endsWith(".tf"))
    .flatMap((name) => [...readFileSync(at(name), "utf8").matchAll(/^(variable|output) "(\w+)" \{\n([\s\S]*?)^\}/gm)]);

  it("says what it is, what it needs and what it gives", () => {
    const files = ["README.md", "versions.tf", "variables.tf", "main.tf", "outputs.tf"];
    expect(files.filter((name) => !existsSync(at(name)))).toEqual([]);
    expect(declared.length).toBeGreaterThan(0);
    const lacking = declared.filter(
      ([, kind, , body = ""]) =>
        !/^ {2}description +=/m.test(body) || (kind === "variable" && !/^ {2}type +=/m.test(body)),
    );
    expect(lacking.map(([, kind, name]) => `${kind ?? ""} ${name ?? ""}`)).toEqual([]);
  });
});

withParts(["terraform"], () => {
  const host = lazy(openProviderHost);
  const tree = lazy(copyTerraformTree);
  afterAll(async () => {
    tree.made()?.[Symbol.dispose]();
    await (await host.made())?.[Symbol.asyncDispose]();
  });
  const terraform = async (folder: string, command: string, ...args: readonly string[]): Promise<void> => {
    const { ok, output } = await runTerraform(tree().at(folder), [command, ...args], (await host()).env);
    expect({ ok, output }).toEqual({ ok: true, output });
  };

  it("all of it is formatted", () => terraform(".", "fmt", "-check", "-recursive", "-diff"));

  describe.each(roots)("terraform/%s", (folder) => {
    it("is valid", async () => {
      await terraform(folder, "init");
      await terraform(folder, "validate");
    });
  });

  describe.each(modules)("terraform/%s", (folder) => {
    it("is valid, and its own tests pass", async () => {
      await terraform(folder, "init");
      await terraform(folder, "validate");
      expect(readdirSync(path.join(TERRAFORM, folder, "tests")).length).toBeGreaterThan(0);
      await terraform(folder, "test");
    });
  });
});
