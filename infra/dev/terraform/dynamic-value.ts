import { decode, encode, ExtensionCodec } from "@msgpack/msgpack";

/** A value that Terraform will know only after an apply. */
export const UNKNOWN: unique symbol = Symbol("unknown");

/** A value of Terraform's as MessagePack and JSON have it; sets and lists are both arrays. */
export type Value = null | string | number | boolean | typeof UNKNOWN | readonly Value[] | Values;
export interface Values {
  readonly [name: string]: Value;
}

/** As the protocol carries it; empty bytes stand for an absent member. */
export interface DynamicValue {
  readonly msgpack?: Uint8Array;
  readonly json?: Uint8Array;
}

/** An object, because only objects can be extensions of MessagePack. */
const UNKNOWN_ON_THE_WIRE = {};

/** Unknown is extension 0, or 12 when something is known of it nevertheless (such as "not null"), which is not needed here. */
const codec = new ExtensionCodec();
codec.register({
  type: 0,
  encode: (value) => (value === UNKNOWN_ON_THE_WIRE ? new Uint8Array([0]) : null),
  decode: () => UNKNOWN_ON_THE_WIRE,
});
codec.register({ type: 12, encode: () => null, decode: () => UNKNOWN_ON_THE_WIRE });

export function readValue(value: DynamicValue | null | undefined): Value {
  if (value?.msgpack !== undefined && value.msgpack.length > 0) {
    return fromWire(decode(value.msgpack, { extensionCodec: codec }));
  }
  if (value?.json === undefined || value.json.length === 0) return null;
  return JSON.parse(Buffer.from(value.json).toString()) as Value;
}

export function writeValue(value: Value): DynamicValue {
  return { msgpack: Buffer.from(encode(toWire(value), { extensionCodec: codec })) };
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isValues(value: Value | undefined): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fromWire(value: unknown): Value {
  if (value === UNKNOWN_ON_THE_WIRE) return UNKNOWN;
  if (Array.isArray(value)) return value.map(fromWire);
  if (value instanceof Uint8Array) throw new Error("the protocol has no binary values");
  if (typeof value !== "object" || value === null) return (value ?? null) as Value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fromWire(inner)]));
}

function toWire(value: Value): unknown {
  if (value === UNKNOWN) return UNKNOWN_ON_THE_WIRE;
  if (Array.isArray(value)) return value.map(toWire);
  if (!isValues(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, toWire(inner)]));
}
