import type { ESTree, Rule } from "@oxlint/plugins";

const DEFINITIONS = new Set<string>([
  "ClassDeclaration",
  "EmptyStatement",
  "ExportAllDeclaration",
  "ExportDefaultDeclaration",
  "ExportNamedDeclaration",
  "FunctionDeclaration",
  "ImportDeclaration",
  "TSDeclareFunction",
  "TSInterfaceDeclaration",
  "TSModuleDeclaration",
  "TSTypeAliasDeclaration",
  "VariableDeclaration",
]);

/** Importing a module defines things and does nothing else. */
export const noImportEffects: Rule = {
  create(context) {
    let functionDepth = 0;
    const enter = (): void => {
      functionDepth += 1;
    };
    const leave = (): void => {
      functionDepth -= 1;
    };
    const report = (node: ESTree.Node, what: string): void =>
      context.report({ node, message: `${what}: a module only defines; do this in a function that its user calls.` });
    return {
      FunctionDeclaration: enter,
      "FunctionDeclaration:exit": leave,
      FunctionExpression: enter,
      "FunctionExpression:exit": leave,
      ArrowFunctionExpression: enter,
      "ArrowFunctionExpression:exit": leave,
      Program: (program) => {
        for (const node of program.body) if (!DEFINITIONS.has(node.type)) report(node, "A statement runs at import");
      },
      AwaitExpression: (node) => {
        if (functionDepth === 0) report(node, "This awaits at import");
      },
      StaticBlock: (node) => {
        if (functionDepth === 0) report(node, "A static block runs at import");
      },
      VariableDeclaration: (node) => {
        if (functionDepth === 0 && node.kind !== "const") report(node, "A variable of the module can change");
      },
    };
  },
};
