import { build, type Metafile } from "esbuild";
import { expect, it } from "vitest";

const ROOT = new URL("../../", import.meta.url).pathname;
/** Minified. What a page loads to submit an intent and follow it. */
const MAX_CLIENT_BYTES = 16 * 1024;

/** A page's own code, which uses an intent's types and nothing else of it. */
const PAGE = `
  import { createClient, reference } from "symphainy/client";
  import type { ingestFile } from "./functions/content/ingest-file.ts";

  const ingest = reference<typeof ingestFile>("content.ingest_file");
  export async function take(baseUrl: string, token: string): Promise<string> {
    const session = createClient({ baseUrl, token }).session("acme");
    return (await session.run(ingest, { ui_name: "a.csv", content_base64: "" })).file_id;
  }
`;

async function bundle(code: string): Promise<{ readonly text: string; readonly metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: ROOT, loader: "ts", sourcefile: "page.ts" },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    conditions: ["symphainy-source"],
    target: ["chrome110", "firefox115", "safari16"],
    logLevel: "silent",
  });
  return { text: outputFiles[0]?.text ?? "", metafile };
}

it("bundles the client for browsers: no module of Node, no server code, no schema library, and small", async () => {
  const { text, metafile } = await bundle(PAGE);
  const inputs = Object.keys(metafile.inputs).filter((input) => input !== "page.ts");
  const strangers = inputs.filter((input) => !/^shared\/(client\/[a-z-]+|errors)\.ts$/.test(input));
  expect(strangers).toEqual([]);
  expect(inputs).toContain("shared/client/session.ts");
  expect(text).not.toMatch(/["']node:|\brequire\(|\bprocess\.|\bBuffer\b/);
  expect(text.length).toBeGreaterThan(2_000);
  expect(text.length).toBeLessThan(MAX_CLIENT_BYTES);
});

it("would notice a definition whose code came along", async () => {
  const careless = PAGE.replace("import type", "import").replace(
    'reference<typeof ingestFile>("content.ingest_file")',
    "ingestFile",
  );
  await expect(bundle(careless)).rejects.toThrow(/node:/);
});
