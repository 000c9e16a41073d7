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

export interface Bundle {
  readonly spec: FunctionSpec;
  /** The absolute path of the module that functions-framework's `--source` names. */
  readonly file: string;
  /** What is loaded with it. */
  readonly loadBytes: number;
  /** All that it may load, clients of every choice of STORE, OBJECTS and BUS included. */
  readonly totalBytes: number;
}

/**
 * Bundles each function into `<outdir>/<name>.mjs`. What a function needs only after a choice is a chunk of its own, loaded
 * when it is chosen; chunks are shared by all functions. functions-framework stays outside: it keeps its registry to itself.
 */
export async function bundleFunctions(outdir: string): Promise<readonly Bundle[]> {
  const specs = functionSpecs();
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
    external: ["@google-cloud/functions-framework"],
    banner: { js: COMMONJS_NAMES },
    plugins: [entries(specs)],
    metafile: true,
    logLevel: "error",
  });
  return specs.map((spec) => {
    const file = path.join(outdir, `${spec.name}.mjs`);
    const output = path.relative(ROOT, file);
    return {
      spec,
      file,
      loadBytes: bytesFrom(metafile, output, ["import-statement"]),
      totalBytes: bytesFrom(metafile, output, ["import-statement", "dynamic-import"]),
    };
  });
}

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

function bytesFrom({ outputs }: Metafile, entry: string, kinds: readonly string[]): number {
  const seen = new Set<string>();
  const visit = (file: string): number => {
    const output = outputs[file];
    if (output === undefined || seen.has(file)) return 0;
    seen.add(file);
    const below = output.imports.filter((each) => each.external !== true && kinds.includes(each.kind));
    return below.reduce((sum, each) => sum + visit(each.path), output.bytes);
  };
  return visit(entry);
}
