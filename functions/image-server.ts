import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { RuntimeError } from "../shared/errors.ts";

/** The functions that this build has and the runner of guests, beside this file in the image. */
const MANIFEST = new URL("functions.manifest.json", import.meta.url);

/** `node server.cjs <function>`: serves one of the bundles that lie beside it on a bare Node server. */
async function main(name: string | undefined): Promise<void> {
  const { functions } = JSON.parse(readFileSync(MANIFEST, "utf8")) as {
    readonly functions: readonly { readonly name: string }[];
  };
  const names = functions.map((each) => each.name);
  if (name === undefined || !names.includes(name)) {
    const what = name === undefined ? "No function is named" : `There is no function ${JSON.stringify(name)}`;
    const message = `${what}; give the image one of these as its argument: ${names.join(", ")}.`;
    throw new RuntimeError("image.no_such_function", message);
  }
  // By require(): only to start the loader of modules takes as long as half of Node's own start.
  const bundle = createRequire(import.meta.url)(`./${name}.cjs`) as { readonly serve: () => Promise<void> };
  await bundle.serve();
}

main(process.argv[2]).catch((error: unknown) => {
  // By its name: an error of a function is of another bundle's class.
  const isKnown = error instanceof Error && error.name === RuntimeError.name;
  process.stderr.write(`${isKnown ? error.message : String(error)}\n`);
  process.exit(1);
});
