import type { Context, ESTree, Reference, Rule } from "@oxlint/plugins";

const GLOBALS: Readonly<Record<string, string>> = {
  setTimeout: "take the Clock; what must happen is a durable timer",
  setInterval: "take the Clock; what must happen is a durable timer",
  setImmediate: "take the Clock; what must happen is a durable timer",
  performance: "take the Clock",
  process: "settings come through the config, effects through a port",
  globalThis: "name the global that you mean",
  fetch: "go through a port",
  WebSocket: "go through a port",
  EventSource: "go through a port",
};

const MEMBERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Date: { now: "take the Clock" },
  Math: { random: "take the Random" },
  AbortSignal: { timeout: "take the Clock" },
  crypto: { randomUUID: "take the Random", getRandomValues: "take the Random" },
};

const RANDOM_IMPORTS = new Set([
  "randomUUID",
  "randomUUIDv7",
  "randomBytes",
  "randomInt",
  "randomFill",
  "randomFillSync",
  "getRandomValues",
  "webcrypto",
]);

/** Time, randomness, timers, the environment and the network are injected, never reached for. */
export const noAmbient: Rule = {
  create(context) {
    return {
      "Program:exit": () => {
        for (const reference of globalReferences(context)) checkReference(context, reference);
      },
      ImportDeclaration: (node) => {
        if (/^(node:)?crypto$/.test(node.source.value)) checkCryptoImport(context, node);
      },
    };
  },
};

function globalReferences(context: Context): readonly Reference[] {
  const scope = context.sourceCode.scopeManager.globalScope;
  if (scope === null) return [];
  const known = scope.variables.filter((variable) => variable.defs.length === 0);
  return [...scope.through, ...known.flatMap((variable) => variable.references)];
}

function checkReference(context: Context, reference: Reference): void {
  const node = reference.identifier as ESTree.IdentifierReference;
  const { name, parent } = node;
  if (parent.type === "TSTypeQuery" || parent.type === "TSTypeReference") return;
  const report = (what: string, instead: string): void =>
    context.report({ node, message: `${what} is ambient: ${instead}.` });

  const instead = Object.hasOwn(GLOBALS, name) ? GLOBALS[name] : undefined;
  if (instead !== undefined) report(name, instead);
  if (name === "Date" && isCurrentTime(parent, node)) report("Date without arguments", "take the Clock");
  if (parent.type !== "MemberExpression" || parent.object !== node || !Object.hasOwn(MEMBERS, name)) return;
  const member = memberName(parent);
  const memberInstead = member === undefined ? undefined : MEMBERS[name]?.[member];
  if (memberInstead !== undefined) report(`${name}.${member}`, memberInstead);
}

function isCurrentTime(parent: ESTree.Node, callee: ESTree.Node): boolean {
  if (parent.type === "CallExpression") return parent.callee === callee;
  return parent.type === "NewExpression" && parent.callee === callee && parent.arguments.length === 0;
}

function memberName(node: ESTree.MemberExpression): string | undefined {
  if (!node.computed) return node.property.type === "Identifier" ? node.property.name : undefined;
  return node.property.type === "Literal" && typeof node.property.value === "string" ? node.property.value : undefined;
}

function checkCryptoImport(context: Context, node: ESTree.ImportDeclaration): void {
  for (const specifier of node.specifiers) {
    if (specifier.type !== "ImportSpecifier") {
      context.report({ node: specifier, message: "Import the functions of node:crypto by name." });
    } else if (specifier.imported.type === "Identifier" && RANDOM_IMPORTS.has(specifier.imported.name)) {
      context.report({ node: specifier, message: `${specifier.imported.name} is ambient: take the Random.` });
    }
  }
}
