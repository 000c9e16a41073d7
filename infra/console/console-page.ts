import { hash } from "node:crypto";
import { fileURLToPath } from "node:url";

import type { ConsolePage } from "../../shared/ports/console-page.ts";

let page: Promise<ConsolePage> | undefined;

/** The operator's web page, made of `page/` by the first call. In bundles this module is replaced by one that has it as text (infra/build). */
export function consolePage(): Promise<ConsolePage> {
  page ??= makePage().catch((error: unknown) => {
    page = undefined;
    throw error;
  });
  return page;
}

async function makePage(): Promise<ConsolePage> {
  const { build } = await import("esbuild");
  const source = (name: string): string => fileURLToPath(new URL(`page/${name}`, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [source("main.ts"), source("console.css")],
    outdir: "/",
    bundle: true,
    write: false,
    minify: true,
    format: "iife",
    platform: "browser",
    charset: "ascii",
    target: ["chrome116", "firefox124", "safari17.4"],
    logLevel: "error",
  });
  const textOf = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))?.text.trim() ?? "";
  const [script, style] = [textOf(".js"), textOf(".css")];
  // A script ends where this stands in it, text of JavaScript or not.
  if (/<\/script|<!--/i.test(script)) throw new Error("The console's script cannot stand in a page.");
  const digest = (text: string): string => `'sha256-${hash("sha256", text, "base64")}'`;
  return {
    html: `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Symphainy</title><link rel="icon" href="data:,"><style>${style}</style><body><noscript>The console works with JavaScript alone; the command line shows the same: npx symphainy --help</noscript><script>${script}</script></body></html>`,
    policy: `default-src 'none'; script-src ${digest(script)}; style-src ${digest(style)}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'`,
  };
}
