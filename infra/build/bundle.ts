import { rm } from "node:fs/promises";
import path from "node:path";

import { build, type Metafile, type Plugin } from "esbuild";

import { type FunctionSpec, functionSpecs } from "./functions.ts";
import { RUNNER } from "./runner-spec.ts";
import { threadCode } from "./thread-code.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** The Google clients are CommonJS: bundled into a module they still ask for these. */
const COMMONJS_NAMES = `import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url);
const __filename = import.meta.filename;
const __dirname = import.meta.dirname;`;

/** With compiled parts, which no bundle can hold: they lie in the image beside it. */
export const NATIVE_PACKAGES: readonly string[] = ["@duckdb/node-api"];

/** The file of an intent; what lies deeper is the code of its steps. */
const DEFINITION = /^functions\/(?!platform\/)[^/]+\/[^/]+\.ts$/;

/**
 * What serves a bundle: a bare Node server, and functions-framework, which finds the function by its exported name. And the runner of
 * guests, which stands on no services and serves itself.
 */
const SERVERS = [
  { in: "functions/image-server.ts", out: "server" },
  { in: RUNNER.source, out: RUNNER.name },
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
 * Bundles each function into `<outdir>/<name>.mjs`. What a function needs only after a choice is a chunk of its own, loaded
 * when it is chosen; chunks are shared by all functions. Beside them lie the two programs that serve one of them.
 */
export async function bundleFunctions(
  outdir: string,
  specs: readonly FunctionSpec[] = functionSpecs(),
): Promise<readonly Bundle[]> {
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: [...specs.map(({ name }) => ({ in: `function:${name}`, out: name })), ...SERVERS],
    outdir,
    outExtension: { ".js": ".mjs" },
    chunkNames: "chunks/[name]-[hash]",
    absWorkingDir: ROOT,
    bundle: true,
    splitting: true,
    minify: true,
    // Names of classes and functions are in logs and errors.
    keepNames: true,
    sourcemap: "linked",
    sourcesContent: false,
    format: "esm",
    platform: "node",
    target: "node24",
    external: [...NATIVE_PACKAGES],
    banner: { js: COMMONJS_NAMES },
    plugins: [entries(specs), withoutLocales, threadCode],
    metafile: true,
    logLevel: "error",
  });
  return specs.map((spec) => {
    const file = path.join(outdir, `${spec.name}.mjs`);
    const output = path.relative(ROOT, file);
    const loaded = reach(metafile, output, ["import-statement"]);
    return {
      spec,
      file,
      loadBytes: bytesOf(metafile, loaded),
      loadPackages: packagesOf(metafile, loaded),
      loadIntents: inputsOf(metafile, loaded).filter((input) => DEFINITION.test(input)).length,
      totalBytes: bytesOf(metafile, reach(metafile, output, ["import-statement", "dynamic-import"])),
    };
  });
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

/** The entries exist as text only. */
function entries(specs: readonly FunctionSpec[]): Plugin {
  return {
    name: "function-entries",
    setup: (building) => {
      building.onResolve({ filter: /^function:/ }, ({ path: name }) => ({ path: name, namespace: "function" }));
      building.onLoad({ filter: /.*/, namespace: "function" }, ({ path: name }) => ({
        contents: specs.find((spec) => `function:${spec.name}` === name)?.entry ?? "",
        loader: "ts",
        resolveDir: ROOT,
      }));
    },
  };
}

/** The files that one leads to over imports of these kinds, itself included. */
function reach({ outputs }: Metafile, entry: string, kinds: readonly string[]): readonly string[] {
  const reached = new Set([entry]);
  for (const file of reached) {
    for (const each of outputs[file]?.imports ?? []) {
      if (each.external !== true && kinds.includes(each.kind)) reached.add(each.path);
    }
  }
  return [...reached];
}

function bytesOf({ outputs }: Metafile, files: readonly string[]): number {
  return files.reduce((sum, file) => sum + (outputs[file]?.bytes ?? 0), 0);
}

function inputsOf({ outputs }: Metafile, files: readonly string[]): readonly string[] {
  return files.flatMap((file) => Object.keys(outputs[file]?.inputs ?? {}));
}

function packagesOf(metafile: Metafile, files: readonly string[]): readonly string[] {
  const names = inputsOf(metafile, files)
    .map((input) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(names)].toSorted();
}
