import { rm, writeFile } from "node:fs/promises";
import path from "node:path";

import { build, type BuildOptions, type Metafile, type Plugin } from "esbuild";

import { consoleText } from "./console-text.ts";
import { type FunctionSpec, functionSpecs } from "./functions.ts";
import { leanClients } from "./lean-clients.ts";
import { RUNNER } from "./runner-spec.ts";
import { STARTED_APART, startedApart } from "./started-apart.ts";
import { threadCode } from "./thread-code.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** All of the product's code, and of the libraries that it uses. */
const ALL = "functions";

/** With compiled parts, which no bundle can hold: they lie in the image beside it. */
export const NATIVE_PACKAGES: readonly string[] = ["@duckdb/node-api"];

/** The file of an intent; what lies deeper is the code of its steps. */
const DEFINITION = /^functions\/(?!platform\/)[^/]+\/[^/]+\.ts$/;

/**
 * Programs and modules of their own: what starts a function on a bare Node server, functions-framework, which finds it by its exported
 * name, what both load the functions by, the runner of guests, which stands on no services and serves itself, and what is started in
 * processes and threads.
 */
const BESIDE = [
  { in: "functions/image-server.ts", out: "server" },
  { in: "infra/serve/prepared-script.ts", out: "prepared-script" },
  { in: RUNNER.source, out: RUNNER.name },
  ...STARTED_APART.map(({ source, name }) => ({ in: source, out: name })),
  { in: "./node_modules/@google-cloud/functions-framework/build/src/main.js", out: "functions-framework" },
];

export interface Bundle {
  readonly spec: FunctionSpec;
  /** The absolute path of the module that functions-framework's `--source` names. */
  readonly file: string;
  /** What is loaded with it. */
  readonly loadBytes: number;
  /** The npm packages in that. */
  readonly loadPackages: readonly string[];
  /** How many intents' definitions are in that. */
  readonly loadIntents: number;
  /** All that it may load, clients of every choice of STORE, OBJECTS and BUS included. */
  readonly totalBytes: number;
}

/**
 * Bundles all functions into `<outdir>/functions.cjs`, one script: a module of it is evaluated when it is first asked for, so what a
 * function needs only after a choice costs its start nothing, and there are no files to find. `<outdir>/<name>.cjs` is one function of it.
 */
export async function bundleFunctions(
  outdir: string,
  specs: readonly FunctionSpec[] = functionSpecs(),
): Promise<readonly Bundle[]> {
  await rm(outdir, { recursive: true, force: true });
  const options = {
    outdir,
    outExtension: { ".js": ".cjs" },
    absWorkingDir: ROOT,
    bundle: true,
    minify: true,
    // Names of classes and functions are in logs and errors.
    keepNames: true,
    sourcemap: "linked",
    sourcesContent: false,
    format: "cjs",
    platform: "node",
    target: "node24",
    external: [...NATIVE_PACKAGES],
    define: { "import.meta.url": "__moduleUrl", "import.meta.dirname": "__dirname" },
    banner: { js: `const __moduleUrl = require("node:url").pathToFileURL(__filename).href;` },
    logLevel: "error",
  } as const satisfies BuildOptions;
  const [{ metafile }] = await Promise.all([
    build({
      ...options,
      entryPoints: [{ in: `function:${ALL}`, out: ALL }],
      plugins: [entries(specs), withoutLocales, leanClients, threadCode, consoleText, startedApart],
      metafile: true,
    }),
    build({ ...options, entryPoints: BESIDE, plugins: [withoutLocales, threadCode] }),
  ]);
  for (const { name } of specs) await writeFile(path.join(outdir, `${name}.cjs`), oneOf(name));
  const bytes = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint !== undefined)?.inputs ?? {};
  return specs.map((spec) => {
    const loaded = reach(metafile, entryOf(spec.name), ["import-statement", "require-call"]);
    const all = reach(metafile, entryOf(spec.name), ["import-statement", "require-call", "dynamic-import"]);
    const bytesOf = (files: readonly string[]) =>
      files.reduce((sum, file) => sum + (bytes[file]?.bytesInOutput ?? 0), 0);
    return {
      spec,
      file: path.join(outdir, `${spec.name}.cjs`),
      loadBytes: bytesOf(loaded),
      loadPackages: packagesOf(loaded),
      loadIntents: loaded.filter((input) => DEFINITION.test(input)).length,
      totalBytes: bytesOf(all),
    };
  });
}

/** A module that is one of the functions. */
function oneOf(name: string): string {
  return `const { runPrepared } = require("./prepared-script.cjs");
module.exports = runPrepared(require("node:path").join(__dirname, "${ALL}.cjs")).functions["${name}"]();
`;
}

/** zod's messages in forty languages, of which it uses English, which it imports by itself: 264 KB that nobody would ever see. */
const withoutLocales: Plugin = {
  name: "without-locales",
  setup: (building) => {
    building.onResolve({ filter: /\/locales\/index\.js$/ }, ({ importer }) =>
      importer.includes(`node_modules${path.sep}zod${path.sep}`) ? { path: "none", namespace: "locales" } : undefined,
    );
    building.onLoad({ filter: /.*/, namespace: "locales" }, () => ({ contents: "export {};" }));
  },
};

const entryOf = (name: string): string => `function:${name}`;

/** The entries exist as text only: each function's own, and one that makes whichever is asked for. */
function entries(specs: readonly FunctionSpec[]): Plugin {
  const made = specs.map(({ name }) => `${JSON.stringify(name)}: () => require("${entryOf(name)}")`);
  const texts = new Map(specs.map(({ name, entry }) => [entryOf(name), entry]));
  texts.set(entryOf(ALL), `export const functions = { ${made.join(", ")} };`);
  return {
    name: "function-entries",
    setup: (building) => {
      building.onResolve({ filter: /^function:/ }, ({ path: name }) => ({
        path: name.slice(9),
        namespace: "function",
      }));
      building.onLoad({ filter: /.*/, namespace: "function" }, ({ path: name }) => ({
        contents: texts.get(`function:${name}`) ?? "",
        loader: "ts",
        resolveDir: ROOT,
      }));
    },
  };
}

/** The inputs that one leads to over imports of these kinds, itself included. */
function reach({ inputs }: Metafile, entry: string, kinds: readonly string[]): readonly string[] {
  const reached = new Set([entry]);
  for (const file of reached) {
    for (const each of inputs[file]?.imports ?? []) {
      if (each.external !== true && kinds.includes(each.kind)) reached.add(each.path);
    }
  }
  return [...reached];
}

function packagesOf(inputs: readonly string[]): readonly string[] {
  const names = inputs
    .map((input) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(names)].toSorted();
}
