import type { CdktfSource, HclShape, Member } from "./cdktf-source.ts";
import type { Attribute, Block, NestedBlock, TerraformType } from "./provider-schema.ts";

const STORED: Readonly<Record<string, TerraformType>> = {
  string: "string",
  number: "number",
  boolean: "bool",
  any: "dynamic",
};
/** How the getter of a value that the provider computes tells its type. */
const GETTERS: readonly (readonly [RegExp, TerraformType])[] = [
  [/Fn\.tolist\(this\.getNumberListAttribute/, ["set", "number"]],
  [/getNumberListAttribute/, ["list", "number"]],
  [/Fn\.tolist\(this\.getListAttribute/, ["set", "string"]],
  [/getListAttribute/, ["list", "string"]],
  [/getStringMapAttribute|new cdktf\.StringMap\(/, ["map", "string"]],
  [/getNumberMapAttribute|new cdktf\.NumberMap\(/, ["map", "number"]],
  [/getBooleanMapAttribute|new cdktf\.BooleanMap\(/, ["map", "bool"]],
  [/new cdktf\.StringMapList\(/, ["list", ["map", "string"]]],
  [/getStringAttribute/, "string"],
  [/getNumberAttribute/, "number"],
  [/getBooleanAttribute/, "bool"],
  [/interpolationForAttribute/, "dynamic"],
];
const NESTED = /private _\w+ = new (\w+?)(List|OutputReference|Map)\(this, "[^"]+"(?:, (true|false))?\)/;
const VALUES = /Possible values: \[((?:\s*"[^"]*",?)+)\s*\]/;

/** The schema of a resource, a data source or a provider. Throws, naming the attribute, when the code does not tell a type. */
export function schemaOfSource(source: CdktfSource): Block {
  return blockOf(source, source.className, `${source.className}Config`);
}

function blockOf(source: CdktfSource, className: string, interfaceName: string): Block {
  const attributes: Record<string, Attribute> = {};
  const block_types: Record<string, NestedBlock> = {};
  const shapes = source.hcl(className);
  for (const member of source.members(className)) {
    const shape = shapes.get(member.name);
    const docs = source.docs(interfaceName, member.name);
    const nested = nestedIn(member);
    // The code of providers has no classes for their blocks, and nothing here sets one.
    if (nested === undefined && shape?.isBlock === true) continue;
    if (nested === undefined) {
      attributes[member.name] = { type: typeOf(source, member, shape), ...flagsOf(member, docs) };
      continue;
    }
    const inner = blockOf(source, `${nested.className}OutputReference`, nested.className);
    const isBlock = shape?.isBlock === true && (docs === "" || docs.includes(`${member.name} block`));
    if (isBlock) block_types[member.name] = nestedBlock(member, shape, nested, inner);
    else attributes[member.name] = { type: objectsOf(nested, shape, inner), ...flagsOf(member, docs) };
  }
  return { attributes, block_types };
}

interface Nested {
  readonly className: string;
  readonly holder: string;
  readonly isSet: boolean;
}

function nestedIn({ code }: Member): Nested | undefined {
  const [, className = "", holder = "", isSet] = NESTED.exec(code) ?? [];
  return className === "" || code.includes("new cdktf.") ? undefined : { className, holder, isSet: isSet === "true" };
}

function nestedBlock({ required }: Member, shape: HclShape, nested: Nested, block: Block): NestedBlock {
  if (shape.kind === "struct") return { nesting_mode: "single", block };
  const nesting_mode = nested.isSet || shape.kind === "set" ? "set" : nested.holder === "Map" ? "map" : "list";
  return {
    nesting_mode,
    ...(required ? { min_items: 1 } : {}),
    ...(nested.holder === "OutputReference" ? { max_items: 1 } : {}),
    block,
  };
}

/** Blocks that are written as attributes, and objects that the provider computes. */
function objectsOf(nested: Nested, shape: HclShape | undefined, inner: Block): TerraformType {
  const mode = nested.holder === "Map" ? "map" : nested.isSet || shape?.kind === "set" ? "set" : "list";
  return [mode, objectOf(inner)];
}

function objectOf({ attributes, block_types }: Block): TerraformType {
  const fields = Object.entries(attributes).map(([name, { type }]) => [name, type] as const);
  const blocks = Object.entries(block_types).map(
    ([name, { nesting_mode, block }]) => [name, [nesting_mode === "set" ? "set" : "list", objectOf(block)]] as const,
  );
  return ["object", Object.fromEntries<TerraformType>([...fields, ...blocks])];
}

function typeOf({ typeName }: CdktfSource, { name, code }: Member, shape: HclShape | undefined): TerraformType {
  const simple = shape && STORED[shape.storage];
  if (simple !== undefined) return simple;
  const [, item = "", holder] = /^(string|number|boolean|any)(List|Map)$/.exec(shape?.storage ?? "") ?? [];
  const element = STORED[item];
  if (shape !== undefined && element !== undefined) {
    return [holder === "Map" ? "map" : shape.kind === "set" ? "set" : "list", element];
  }
  const found = GETTERS.find(([pattern]) => pattern.test(code));
  if (found === undefined) throw new Error(`${typeName}.${name}: its type cannot be told`);
  return found[1];
}

function flagsOf({ name, required, optional, computed }: Member, docs: string): Omit<Attribute, "type"> {
  const settable = required || optional;
  const values = settable ? VALUES.exec(docs)?.[1] : undefined;
  return {
    ...(required ? { required } : {}),
    ...(optional ? { optional } : {}),
    ...(computed ? { computed } : {}),
    // Google's providers name them all alike.
    ...(name.endsWith("_wo") ? { write_only: true } : {}),
    ...(values === undefined ? {} : { one_of: [...values.matchAll(/"([^"]*)"/g)].map(([, value = ""]) => value) }),
  };
}
