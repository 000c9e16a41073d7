import type { ESTree, Rule } from "@oxlint/plugins";

/** Branded ids are made by the functions of shared/ids.ts, which check them; a cast would bring in an unchecked one. */
export const noIdCasts: Rule = {
  create(context) {
    const check = (node: ESTree.TSAsExpression | ESTree.TSTypeAssertion): void => {
      const type = node.typeAnnotation;
      if (type.type !== "TSTypeReference" || type.typeName.type !== "Identifier") return;
      const { name } = type.typeName;
      if (name.endsWith("Id")) context.report({ node, message: `Make a ${name} with the functions of shared/ids.ts.` });
    };
    return { TSAsExpression: check, TSTypeAssertion: check };
  },
};
