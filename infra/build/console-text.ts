import type { Plugin } from "esbuild";

import { consolePage } from "../console/console-page.ts";

/** Puts the operator's web page into a bundle as text: where a bundle runs there are neither its sources nor esbuild. */
export const consoleText: Plugin = {
  name: "console-text",
  setup: (building) => {
    building.onLoad({ filter: /console[\\/]console-page\.ts$/ }, async () => {
      const contents = `const page = ${JSON.stringify(await consolePage())};
        export function consolePage() { return Promise.resolve(page); }`;
      return { contents, loader: "js" };
    });
  },
};
