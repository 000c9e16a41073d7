import { isValues, UNKNOWN, type Value } from "./dynamic-value.ts";
import type { Block } from "./provider-schema.ts";
import { faultsByRule } from "./provider-rules.ts";

export type PathStep = { readonly attribute_name: string } | { readonly element_key_int: number };

export interface Fault {
  readonly summary: string;
  readonly path: readonly PathStep[];
}

/**
 * What a provider would refuse of a resource's arguments and Terraform itself cannot know, for the protocol's schemas do not say it:
 * arguments that are read-only, values that are not among the documented ones, arguments that exclude each other, ranges.
 */
export function configFaults(typeName: string, block: Block, config: Value): readonly Fault[] {
  return [
    ...blockFaults(block, config, []),
    ...faultsByRule(typeName, config).map((summary) => ({ summary, path: [] })),
  ];
}

function blockFaults(block: Block, config: Value, path: readonly PathStep[]): readonly Fault[] {
  if (!isValues(config)) return [];
  const own = Object.entries(block.attributes).flatMap(([name, attribute]) => {
    const value = config[name] ?? null;
    const at = [...path, { attribute_name: name }];
    if (value === null || value === UNKNOWN) return [];
    if (attribute.required !== true && attribute.optional !== true)
      return [{ summary: `${name} is read-only`, path: at }];
    const allowed = attribute.one_of;
    if (allowed === undefined || typeof value !== "string" || value === "" || allowed.includes(value)) return [];
    return [{ summary: `${name} must be one of ${allowed.join(", ")}, not ${value}`, path: at }];
  });
  const inner = Object.entries(block.block_types).flatMap(([name, { nesting_mode, block: nested }]) => {
    const value = config[name] ?? null;
    const at = [...path, { attribute_name: name }];
    if (!Array.isArray(value)) return blockFaults(nested, value, at);
    return value.flatMap((each: Value, index) =>
      // The elements of a set have no address.
      blockFaults(nested, each, nesting_mode === "set" ? path : [...at, { element_key_int: index }]),
    );
  });
  return [...own, ...inner];
}
