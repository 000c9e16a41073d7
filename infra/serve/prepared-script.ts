import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { constants, Script } from "node:vm";

/**
 * Runs a CommonJS script with what V8 has compiled of it before (`<file>.compiled`), and returns what it exports. Code that does not fit
 * this Node is not used: then everything is compiled anew, and a line of the log says so.
 *
 * Not NODE_COMPILE_CACHE: that keeps what is compiled while a module is loaded and not what its first calls compile, and it is found only
 * by the user who filled it, on a processor of the same features (ADR 0037).
 */
export function runPrepared(file: string): unknown {
  const cachedData = readIfThere(compiledFile(file));
  const script = compile(file, cachedData);
  if (script.cachedDataRejected === true) {
    const message = "What was compiled ahead does not fit this Node: the start compiles everything anew.";
    process.stderr.write(`${JSON.stringify({ severity: "WARNING", message, file })}\n`);
  }
  return run(script, file);
}

/** Runs a script that nothing is compiled of; what `prepare` then writes holds every function that has been called by then. */
export function runToPrepare(file: string): { readonly exported: unknown; readonly prepare: () => void } {
  const script = compile(file, undefined);
  return {
    exported: run(script, file),
    prepare: () => writeFileSync(compiledFile(file), script.createCachedData()),
  };
}

function compiledFile(file: string): string {
  return `${file}.compiled`;
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/** The bundler writes nothing but ASCII, so that V8 takes the text as it is, a byte for a character. */
function compile(file: string, cachedData: Buffer | undefined): Script {
  const opening = "(function (exports, require, module, __filename, __dirname) {";
  return new Script(`${opening}${readFileSync(file, "latin1")}\n})`, {
    filename: file,
    columnOffset: -opening.length,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
}

function run(script: Script, file: string): unknown {
  const own = { exports: {} };
  const evaluate = script.runInThisContext() as (...names: readonly unknown[]) => void;
  evaluate(own.exports, createRequire(file), own, file, path.dirname(file));
  return own.exports;
}
