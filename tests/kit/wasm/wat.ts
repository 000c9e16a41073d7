import openWabt from "wabt";

/** The binary module of a text; checked by wabt unless `unchecked`, for modules that must not be valid. */
export async function wat(text: string, unchecked = false): Promise<Uint8Array> {
  const wabt = await openWabt();
  const features = { exceptions: true, multi_memory: true, memory64: true, threads: true, bulk_memory: true };
  const module = wabt.parseWat("guest.wat", text, features);
  try {
    if (!unchecked) module.validate();
    return module.toBinary({ write_debug_names: true }).buffer;
  } finally {
    module.destroy();
  }
}

export interface ReactorText {
  /** Imports, which come first. */
  readonly imports?: string;
  readonly memory?: string;
  /** What else the module has: functions, tables, data. */
  readonly more?: string;
  /** The body of `invoke`, which has the parameters $at and $length and gives an i64. */
  readonly invoke: string;
}

/** A reactor in text: `alloc` takes from 64 KiB on and never gives back. */
export function reactorText({ imports = "", memory = "32", more = "", invoke }: ReactorText): string {
  return `(module
    ${imports}
    (memory (export "memory") ${memory})
    (global $next (mut i32) (i32.const 65536))
    ${more}
    (func $alloc (export "alloc") (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.add (global.get $next) (local.get $size)))
      (local.get $at))
    (func $packed (param $at i32) (param $length i32) (result i64)
      (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32)) (i64.extend_i32_u (local.get $length))))
    (func (export "invoke") (param $at i32) (param $length i32) (result i64) ${invoke}))`;
}

export function reactor(text: ReactorText): Promise<Uint8Array> {
  return wat(reactorText(text));
}

/** Gives back what it is given. */
export const ECHO: ReactorText = { invoke: "(call $packed (local.get $at) (local.get $length))" };

export const CAPABILITY_IMPORTS = `
  (import "symphainy" "call" (func $call (param i32 i32) (result i32)))
  (import "symphainy" "result" (func $result (param i32) (result i32)))
  (import "symphainy" "log" (func $log (param i32 i32) (result i32)))`;

/** Passes its input on as a capability call: gives the result's JSON, or the code as a number. */
export const FORWARDER: ReactorText = {
  imports: CAPABILITY_IMPORTS,
  more: `
    (func $digits (param $code i32) (result i64)
      (i32.store8 (i32.const 8) (i32.const 45))
      (i32.store8 (i32.const 9) (i32.sub (i32.const 48) (local.get $code)))
      (call $packed (i32.const 8) (i32.const 2)))`,
  invoke: `
    (local $status i32) (local $to i32)
    (local.set $status (call $call (local.get $at) (local.get $length)))
    (if (result i64) (i32.lt_s (local.get $status) (i32.const 0))
      (then (call $digits (local.get $status)))
      (else
        (local.set $to (call $alloc (local.get $status)))
        (drop (call $result (local.get $to)))
        (call $packed (local.get $to) (local.get $status))))`,
};

/** Writes what it is given to its key, works for a while without asking for anything, and writes it again: gives what the second one gave. */
export const PLODDING: ReactorText = {
  ...FORWARDER,
  more: `${FORWARDER.more ?? ""}
    (func $plod (local $left i64)
      (local.set $left (i64.const 400000000))
      (loop $on
        (local.set $left (i64.sub (local.get $left) (i64.const 1)))
        (br_if $on (i64.ne (local.get $left) (i64.const 0)))))`,
  invoke: FORWARDER.invoke.replace(
    "(local.set $status",
    "(drop (call $call (local.get $at) (local.get $length))) (call $plod) (local.set $status",
  ),
};
