import type { Plugin } from "@oxlint/plugins";
import { importDirection } from "./import-direction.ts";
import { noAmbient } from "./no-ambient.ts";
import { noIdCasts } from "./no-id-casts.ts";
import { noImportEffects } from "./no-import-effects.ts";
import { noVagueNames } from "./no-vague-names.ts";
import { zodNamespace } from "./zod-namespace.ts";

const plugin: Plugin = {
  meta: { name: "symphainy" },
  rules: {
    "import-direction": importDirection,
    "no-ambient": noAmbient,
    "no-id-casts": noIdCasts,
    "no-import-effects": noImportEffects,
    "no-vague-names": noVagueNames,
    "zod-namespace": zodNamespace,
  },
};

// oxlint loads a plugin by its default export.
export default plugin;
