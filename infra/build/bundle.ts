import { rm } from "node:fs/promises";
import path from "node:path";

import { build, type Metafile, type Plugin } from "esbuild";

import { type FunctionSpec, functionSpecs } from "./functions.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** The Google clients are CommonJS: bundled into a module they still ask for these. */
const COMMONJS_NAMES = `import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url);
const __filename = import.meta.filename;
const __dirname = import.meta.dirname;`;

/** With compiled parts, which no bundle can hold: they lie beside it, where the function says that it needs them. */
const NATIVE_PACKAGES = ["@duckdb/node-api"];

export interface Bundle {
  readonly spec: FunctionSpec;
  /** The absolute path of the module that functions-framework's `--source` names. */
  readonly file: string;
  /** What is loaded with it. */
  readonly loadBytes: number;
  /** The npm packages in that. */
  readonly loadPackages: readonly string[];
  /** All that it may load, clients of every choice of STORE, OBJECTS and BUS included. */
  readonly totalBytes: number;
}

/**
 * Bundles each function into `<outdir>/<name>.mjs`. What a function needs only after a choice is a chunk of its own, loaded
 * when it is chosen; chunks are shared by all functions. functions-framework stays outside: it keeps its registry to itself.
 */
export async function bundleFunctions(
  outdir: string,
  specs: readonly FunctionSpec[] = functionSpecs(),
): Promise<readonly Bundle[]> {
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: specs.map(({ name }) => ({ in: `function:${name}`, out: name })),
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
    external: ["@google-cloud/functions-framework", ...NATIVE_PACKAGES],
    banner: { js: COMMONJS_NAMES },
    plugins: [entries(specs), withoutLocales],
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

function packagesOf({ outputs }: Metafile, files: readonly string[]): readonly string[] {
  const names = files
    .flatMap((file) => Object.keys(outputs[file]?.inputs ?? {}))
    .map((input) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(names)].toSorted();
}
