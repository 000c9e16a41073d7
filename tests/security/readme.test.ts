import { readFile } from "node:fs/promises";

import { expect, it } from "vitest";
import * as z from "zod";

import { intents } from "../../functions/catalog.ts";
import { createApp } from "../../shared/http/app.ts";
import { ROLES } from "../../shared/roles.ts";
import { openRuntime } from "../kit/runtime.ts";
import { fetchApp } from "../kit/fetch-app.ts";

const openApi = z.object({
  paths: z.record(
    z.string(),
    z.record(z.string(), z.object({ security: z.array(z.object({ bearer: z.array(z.string()) })) })),
  ),
});

it("the README's table of roles is what the endpoints declare", async () => {
  await using runtime = await openRuntime({ intents });
  const response = await fetchApp(createApp(runtime.services), new Request("http://localhost/openapi.json"));
  const { paths } = openApi.parse(await response.json());
  const routes = new Set(intents.map(({ realm, name }) => `/${realm}/${name}`));
  // What an intent of a role of its own needs is in /catalog and in the documents.
  const special = new Set(
    intents.filter(({ role }) => role !== "submitter").map(({ realm, name }) => `/${realm}/${name}`),
  );
  const byRole = new Map<string, Set<string>>(ROLES.map((role) => [role, new Set()]));
  for (const [path, methods] of Object.entries(paths)) {
    if (special.has(path)) continue;
    const name = routes.has(path) ? "/<realm>/<intent>" : path;
    for (const [method, { security }] of Object.entries(methods)) {
      for (const role of security.flatMap(({ bearer }) => bearer))
        byRole.get(role)?.add(`\`${method.toUpperCase()} ${name}\``);
    }
  }
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  for (const role of ROLES) {
    const endpoints = [...(byRole.get(role) ?? [])].toSorted().join(" · ") || "none yet";
    expect(readme).toContain(`| \`${role}\` | ${endpoints} |`);
  }
});
