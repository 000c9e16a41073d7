/**
 * Who may import what: the one table behind the lint rule `symphainy/import-direction`.
 * A file belongs to the first room whose globs match it; within its own room a file may import freely, unless `apart`.
 * To add a room, a library or an exception, edit this table and add a fixture in tests/architecture/fixtures.
 */
export interface Room {
  readonly name: string;
  /** Globs from the repository's root. */
  readonly files: readonly string[];
  /** Names of the rooms that it may import besides itself. */
  readonly imports: readonly string[];
  /** npm packages and `node:` modules that it may import; "any" for code that is allowed to touch the outside. */
  readonly packages: readonly string[] | "any";
  /** How many leading folders name one world of this room; worlds never import each other. */
  readonly apart?: number;
}

/** The order of the features in shared/: each may import those before it. */
const FEATURES = [
  "state",
  "intents",
  "sessions",
  "artifacts",
  "policy",
  "steward",
  "semantic",
  "wasm",
  "sagas",
  "executions",
  "mash",
  "services",
  "http",
] as const;
type Feature = (typeof FEATURES)[number];

/** Node's modules that compute and never touch the outside. */
const PURE_NODE = [
  "node:assert",
  "node:async_hooks",
  "node:buffer",
  "node:crypto",
  "node:events",
  "node:stream",
  "node:stream/promises",
  "node:stream/web",
  "node:string_decoder",
  "node:url",
  "node:util",
  "node:util/types",
  "node:zlib",
];
const SHARED_PACKAGES = [...PURE_NODE, "zod"];
const HTTP_PACKAGES = [...SHARED_PACKAGES, "@asteasolutions/zod-to-openapi"];
/** Parsers may be used by the step code of intents, in a thread of their own too; clients of services may not. */
const FUNCTION_PACKAGES = [
  ...SHARED_PACKAGES,
  "node:worker_threads",
  "csv-parse",
  "htmlparser2",
  "hyparquet",
  "hyparquet-writer",
  "saxes",
  "unpdf",
  "yauzl",
];

const SERVICES_FILES = ["shared/services.ts", "shared/create-services.ts"];
const ROOT_OF_SHARED = ["vocabulary", "ports"];
const FOR_FUNCTIONS = [...ROOT_OF_SHARED, ...FEATURES.filter((feature) => feature !== "http")];
const EVERYTHING = [
  ...ROOT_OF_SHARED,
  ...FEATURES,
  "client",
  "main",
  "catalog",
  "platform",
  "realm",
  "mash-realm",
  "create-adapters",
  "adapter",
  "serve",
  "schema",
  "console",
  "build",
  "dev",
  "cli",
];

export const ROOMS: readonly Room[] = [
  ...FEATURES.map(featureRoom),
  // Runs in browsers: tests/architecture/client-bundle.test.ts holds what it imports to that.
  { name: "client", files: ["shared/client/**"], imports: ["vocabulary"], packages: ["zod"] },
  { name: "vocabulary", files: ["shared/*.ts"], imports: [], packages: SHARED_PACKAGES },
  { name: "ports", files: ["shared/ports/**"], imports: ["vocabulary"], packages: PURE_NODE },

  {
    name: "main",
    files: ["functions/{main,instance,deployed-function,image-server,stop-on-signals,wasm-runner}.ts"],
    imports: EVERYTHING,
    packages: "any",
  },
  {
    name: "catalog",
    files: ["functions/catalog.ts"],
    imports: [...FOR_FUNCTIONS, "realm", "mash-realm", "platform"],
    packages: SHARED_PACKAGES,
  },
  {
    name: "platform",
    files: ["functions/platform/**"],
    imports: [...FOR_FUNCTIONS, "http"],
    packages: HTTP_PACKAGES,
  },
  // The solution orchestrator calls the intents of the realms.
  {
    name: "mash-realm",
    files: ["functions/mash/**"],
    imports: [...FOR_FUNCTIONS, "realm"],
    packages: FUNCTION_PACKAGES,
  },
  { name: "realm", files: ["functions/*/**"], imports: FOR_FUNCTIONS, packages: FUNCTION_PACKAGES, apart: 2 },

  {
    name: "create-adapters",
    files: ["infra/create-adapters.ts", "infra/open/**"],
    imports: EVERYTHING,
    packages: "any",
  },
  { name: "adapter", files: ["infra/adapters/*/**"], imports: ROOT_OF_SHARED, packages: "any", apart: 3 },
  { name: "serve", files: ["infra/serve/**"], imports: [...ROOT_OF_SHARED, "http"], packages: "any" },
  { name: "schema", files: ["infra/schema/**"], imports: ROOT_OF_SHARED, packages: "any" },
  // Runs in browsers, as the client on which it stands; what makes the page of it is of Node.
  {
    name: "console",
    files: ["infra/console/**"],
    imports: ["vocabulary", "ports", "client"],
    packages: ["esbuild", "node:crypto", "node:url"],
  },
  {
    name: "build",
    files: ["infra/build/**"],
    imports: [...FOR_FUNCTIONS, "http", "catalog", "realm", "platform", "create-adapters", "adapter", "console"],
    packages: "any",
  },
  { name: "dev", files: ["infra/dev/**"], imports: EVERYTHING, packages: "any" },
  { name: "cli", files: ["infra/cli/**"], imports: EVERYTHING, packages: "any" },

  { name: "tests", files: ["tests/**"], imports: EVERYTHING, packages: "any" },
];

function featureRoom(name: Feature, index: number): Room {
  return {
    name,
    files: name === "services" ? SERVICES_FILES : [`shared/${name}/**`],
    imports: [...ROOT_OF_SHARED, ...FEATURES.slice(0, index)],
    packages: name === "http" ? HTTP_PACKAGES : SHARED_PACKAGES,
  };
}
