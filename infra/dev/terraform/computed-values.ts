import { knownFormats } from "./computed-formats.ts";
import { isValues, UNKNOWN, type Value, type Values } from "./dynamic-value.ts";
import type { Block, NestedBlock, TerraformType } from "./provider-schema.ts";

/** What a provider would plan: what it computes and nobody set is unknown. What is write-only is in no plan. */
export function plannedValues(block: Block, proposed: Value): Value {
  return fill(block, proposed, () => UNKNOWN);
}

/** What a provider would answer after an apply, or from a data source; a made-up text tells by its `number` which resource it is of. */
export function appliedValues(typeName: string, block: Block, planned: Value, number: number): Value {
  const known = knownFormats(typeName, planned);
  const filled = fill(block, planned, (type, attribute) => standIn(type, `${typeName}-${number}.${attribute}`));
  if (!isValues(filled) || !isValues(planned)) return filled;
  const fits = Object.entries(known).filter(([name]) => (planned[name] ?? null) === null || planned[name] === UNKNOWN);
  return { ...filled, ...Object.fromEntries(fits) };
}

type Compute = (type: TerraformType, attribute: string) => Value;

function fill(block: Block, value: Value, compute: Compute): Value {
  if (!isValues(value)) return value;
  const filled: Record<string, Value> = { ...value };
  for (const [name, { type, computed, write_only }] of Object.entries(block.attributes)) {
    const given = filled[name] ?? null;
    if (write_only === true) filled[name] = null;
    else if ((given === null && computed === true) || given === UNKNOWN) filled[name] = compute(type, name);
  }
  for (const [name, nested] of Object.entries(block.block_types)) {
    filled[name] = fillNested(nested, filled[name] ?? null, compute);
  }
  return filled;
}

function fillNested({ nesting_mode, block }: NestedBlock, value: Value, compute: Compute): Value {
  if (Array.isArray(value)) return value.map((each: Value) => fill(block, each, compute));
  if (nesting_mode !== "map" || !isValues(value)) return fill(block, value, compute);
  const entries: Values = value;
  return Object.fromEntries(Object.entries(entries).map(([key, each]) => [key, fill(block, each, compute)]));
}

function standIn(type: TerraformType, name: string): Value {
  if (type === "string") return name;
  if (type === "number") return 0;
  if (type === "bool") return false;
  if (type === "dynamic") return null;
  if (type[0] === "map") return {};
  if (type[0] === "object") {
    return Object.fromEntries(
      Object.entries(type[1]).map(([field, each]) => [field, standIn(each, `${name}.${field}`)]),
    );
  }
  // One object, so that what reads the first of a list finds it.
  return Array.isArray(type[1]) && type[1][0] === "object" ? [standIn(type[1], name)] : [];
}
