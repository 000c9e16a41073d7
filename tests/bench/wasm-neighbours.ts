import { setTimeout as sleep } from "node:timers/promises";

import { type TenantId, trustedTenantId } from "../../shared/ids.ts";
import { type GuestScene, outputOf, reasonOf, rival } from "../kit/wasm/guest-scene.ts";
import { CAPABILITY_IMPORTS, ECHO, reactor, type ReactorText, wat } from "../kit/wasm/wat.ts";
import { quantile } from "./statistics.ts";

const HOSTILE = ["hostile_1", "hostile_2"].map(trustedTenantId);
const DEADLINE_MS = 1_000;
/** Until the attack is at its full strength. */
const RAMP_MS = 300;

const LOOPS: Readonly<Record<string, ReactorText>> = {
  loop: { invoke: "(loop $l (br $l)) (i64.const 0)" },
  "start-section loop": { ...ECHO, more: "(func $begin (loop $l (br $l))) (start $begin)" },
  "calls of 10 ms": {
    invoke:
      "(local $i i32) (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 8000000)))) (i64.const 0)",
  },
  "stack bomb": { more: "(func $f (call $f))", invoke: "(call $f) (i64.const 0)" },
  "log flood": {
    imports: CAPABILITY_IMPORTS,
    invoke: "(loop $l (drop (call $log (i32.const 0) (i32.const 60000))) (br $l)) (i64.const 0)",
  },
  "call flood": {
    imports: CAPABILITY_IMPORTS,
    invoke: "(loop $l (drop (call $call (i32.const 0) (i32.const 4))) (br $l)) (i64.const 0)",
  },
  "memory bomb": {
    memory: "2 1024",
    invoke:
      "(drop (memory.grow (i32.const 1000))) (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 60000000)) (br $l)) (i64.const 0)",
  },
};
const COMPILE_BOMB = "compile bomb";

export interface NeighbourFigures {
  readonly attack: string;
  /** The p99 of each round, in microseconds; a round without the attack and one with it, in turns. */
  readonly quietUs: readonly number[];
  readonly loudUs: readonly number[];
}

/** What each attack of two tenants, and all of them together, cost the calls of a third one. */
export async function measureNeighbours(
  scene: GuestScene,
  rounds: number,
  roundMs: number,
): Promise<readonly NeighbourFigures[]> {
  const attacks = await prepareAttacks(scene);
  const quiet = await scene.deploy(await reactor(ECHO), rival);
  const p99 = async (): Promise<number> => {
    const times: number[] = [];
    const endMs = performance.now() + roundMs;
    while (performance.now() < endMs) {
      const begunMs = performance.now();
      outputOf(await scene.invoke(quiet, [1], { tenantId: rival }));
      times.push((performance.now() - begunMs) * 1_000);
    }
    return quantile(times, 0.99);
  };
  await p99();
  const figures: NeighbourFigures[] = [];
  for (const [attack, waves] of [...attacks, ["all of these", [...attacks.values()].flat()] as const]) {
    const quietUs: number[] = [];
    const loudUs: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      quietUs.push(await p99());
      let over = false;
      const waging = waves.map(async (wave) => {
        while (!over) await wave();
      });
      await sleep(RAMP_MS);
      loudUs.push(await p99());
      over = true;
      await Promise.all(waging);
    }
    figures.push({ attack, quietUs, loudUs });
  }
  return figures;
}

type Wave = () => Promise<unknown>;

/** For each attack what each tenant does again and again. */
async function prepareAttacks(scene: GuestScene): Promise<ReadonlyMap<string, readonly Wave[]>> {
  const attacks = new Map<string, readonly Wave[]>();
  for (const [name, text] of Object.entries(LOOPS)) {
    const module = await reactor(text);
    const wave = async (tenantId: TenantId): Promise<Wave> => {
      const digest = await scene.deploy(module, tenantId);
      return async () => reasonOf(await scene.invoke(digest, null, { tenantId, deadlineMs: DEADLINE_MS }));
    };
    attacks.set(name, await Promise.all(HOSTILE.map(wave)));
  }
  const nextBomb = await compileBombs();
  attacks.set(
    COMPILE_BOMB,
    HOSTILE.map((tenantId) => () => scene.pool.admit(tenantId, nextBomb())),
  );
  return attacks;
}

/** Modules of one function that is as long as it may be, each with other bytes: none is compiled already. */
async function compileBombs(): Promise<() => Uint8Array> {
  const table = `(block (br_table ${"0 ".repeat(65_000)} (local.get 0)))`;
  const bomb = await wat(`(module (memory (export "memory") 1)
    (func $f (param i32) ${table.repeat(15)})
    (func (export "_start") (call $f (i32.const 1))))`);
  let made = 0;
  return () => {
    const number = Buffer.from(String((made += 1)).padStart(8, "0"));
    // A custom section of its own: id 0, its length, a name of one letter.
    return Buffer.concat([bomb, Uint8Array.of(0, number.length + 2, 1, 0x6e), number]);
  };
}
