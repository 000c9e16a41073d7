import { createLexicalModels } from "../../infra/adapters/models/lexical.ts";
import { createSqliteRecordStore } from "../../infra/adapters/sqlite/record-store.ts";
import { loadConfig } from "../../shared/config.ts";
import { createServices } from "../../shared/create-services.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { startUpkeep, type Upkeep } from "../../shared/executions/upkeep.ts";
import { createIds } from "../../shared/ids.ts";
import type { Logger } from "../../shared/logger.ts";
import type { BusMessage } from "../../shared/ports/message-bus.ts";
import type { Adapters, RuntimeServices } from "../../shared/services.ts";
import { createStoreClock } from "../../shared/store-clock.ts";
import { NO_GRAPH } from "../kit/no-graph.ts";
import { NO_LIMITS_SET } from "../kit/no-limits-set.ts";
import { NO_GUEST_REQUESTS, NO_GUESTS, NO_RUNNERS } from "../kit/no-guests.ts";
import { NO_TABLES } from "../kit/no-tables.ts";
import type { ModelDatabase } from "../model/model-database.ts";
import { createModelStore, type Io } from "../model/model-store.ts";
import { buildIntents, type StepWorld } from "./build-intent.ts";
import type { ModelObjects } from "./model-objects.ts";
import type { Fault } from "./scenario.ts";
import type { PlanSpec } from "./plan-spec.ts";
import type { Thefts } from "./thefts.ts";
import type { VirtualTime } from "./virtual-time.ts";

const CONFIG = loadConfig({});
/** A contact with the outside takes less than this, and its answer again. */
const LATENCY_MS = 4;
/** What a store may carry out after it was given up; commits are refused then, by what they were decided on. */
const MAY_BE_LATE = /^(accept|claim|write) /;

/** What workers share, and what decides for them. */
export interface Surroundings {
  readonly time: VirtualTime;
  readonly dice: () => number;
  readonly database: ModelDatabase;
  readonly thefts: Thefts;
  readonly objects: ModelObjects;
  readonly plans: readonly PlanSpec[];
  readonly undoTries: StepWorld["undoTries"];
  readonly published: (message: BusMessage) => void;
  readonly tell: (line: string) => void;
  /** The fault of the contact that is made now, if it has one. */
  readonly nextFault: () => Fault | undefined;
  readonly onCrash: (worker: SimulatedWorker) => void;
}

/** One process: the whole runtime, in virtual time, over a store that is away at times, on a machine that dies and freezes. */
export interface SimulatedWorker {
  readonly name: string;
  readonly services: RuntimeServices;
  readonly upkeep: Upkeep;
  readonly alive: boolean;
}

/** `clockOffMs`: how far its machine's clock is from the store's. */
export function startSimulatedWorker(name: string, clockOffMs: number, surroundings: Surroundings): SimulatedWorker {
  const { time, dice, database, tell } = surroundings;
  let alive = true;
  let frozenUntilMs = 0;
  let serial = 0;
  let offMs = clockOffMs;

  /** Something that this process does, unless it has died; when it is frozen, once it is not any more. */
  const when = (atMs: number, happen: () => void): void =>
    time.at(atMs, () => {
      if (!alive) return;
      if (frozenUntilMs > time.nowMs) when(frozenUntilMs, happen);
      else happen();
    });

  const crash = (why: string): void => {
    tell(`${name} CRASHES ${why}`);
    alive = false;
    surroundings.onCrash(worker);
  };

  const io: Io = ({ name: what, kind }, apply) => {
    const { promise, resolve, reject } = Promise.withResolvers<ReturnType<typeof apply>>();
    if (!alive) return promise;
    const fault = kind === "hint" ? undefined : surroundings.nextFault();
    const latency = (): number => Math.floor(dice() * LATENCY_MS);
    const answer = (deliver: () => void): void => when(time.nowMs + latency(), deliver);
    const away = (): void => reject(new RuntimeError("store.unavailable", "It does not answer.", AWAY));
    if (fault?.kind === "crash_before") {
      crash(`before ${what}`);
      return promise;
    }
    if (fault?.kind === "freeze") {
      tell(`${name} FREEZES for ${fault.ms} ms over ${what}`);
      frozenUntilMs = Math.max(frozenUntilMs, time.nowMs + fault.ms);
      // Machines that stood still have their clocks set.
      offMs = -offMs;
    }
    if (fault?.kind === "late" && MAY_BE_LATE.test(what)) {
      tell(`${name} GIVES UP ${what}, which is carried out ${fault.ms} ms later`);
      answer(away);
      time.at(time.nowMs + fault.ms, () => {
        try {
          apply();
        } catch {
          // Nobody hears of it.
        }
      });
      return promise;
    }
    if (fault?.kind === "fails" || fault?.kind === "late") {
      tell(`${name} CANNOT ${what}`);
      answer(away);
      return promise;
    }
    const arrive = (): void => {
      if (kind !== "hint") tell(`${name} ${what}${fault?.kind === "answer_lost" ? ", and DOES NOT HEAR of it" : ""}`);
      try {
        const result = apply();
        if (fault?.kind === "crash_after") crash(`after ${what}`);
        else if (fault?.kind === "answer_lost") answer(away);
        else answer(() => resolve(result));
      } catch (error) {
        answer(() => reject(error instanceof Error ? error : new Error(String(error))));
      }
    };
    const arrivesMs = time.nowMs + latency();
    // What a freezing process has sent already may arrive all the same; the rest is sent when it thaws, late.
    if (frozenUntilMs > time.nowMs && dice() < 0.7) when(arrivesMs, arrive);
    else time.at(arrivesMs, () => (alive ? arrive() : undefined));
    return promise;
  };

  const sleep = (delayMs: number, signal?: AbortSignal): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (delayMs <= 0 || signal?.aborted === true) {
      resolve();
    } else {
      when(time.nowMs + delayMs, resolve);
      signal?.addEventListener("abort", () => resolve(), { once: true });
    }
    return promise;
  };

  const random = {
    uuid: () => `${name}${(serial += 1)}`,
    fraction: dice,
  };
  const clock = createStoreClock({ own: { now: () => time.nowMs + offMs, sleep }, elapsedMs: () => time.nowMs });
  const store = createModelStore(database, io);
  const adapters: Adapters = {
    clock,
    ids: createIds(random),
    random,
    logger: SILENT,
    store: {
      ...store,
      beat: (workerId, nowMs) => {
        const hear = clock.listen();
        const sentMs = time.nowMs;
        const beaten = (): number => {
          database.beat(workerId, nowMs);
          surroundings.thefts.beat(workerId, sentMs);
          return time.nowMs;
        };
        return io({ name: "beat", kind: "hint" }, beaten).then(hear);
      },
      abandoned: ({ nowMs, deadAfterMs, limit }) => {
        const hear = clock.listen();
        const find = () => ({ atMs: time.nowMs, found: database.abandoned(nowMs - deadAfterMs, limit) });
        return io({ name: "abandoned", kind: "hint" }, find).then(({ atMs, found }) => {
          hear(atMs, "before");
          return found;
        });
      },
      unpublished: (limit, except = []) =>
        io({ name: "unpublished", kind: "hint" }, () =>
          database.outbox
            .filter((row) => row.publishedMs === undefined && !except.includes(row.message.orderingKey))
            .slice(0, limit)
            .map(({ message }) => structuredClone(message)),
        ),
    },
    objects: surroundings.objects.through(io),
    bus: {
      publish: (message) =>
        io({ name: `publish ${message.attributes["ce_type"] ?? ""} ${message.id}`, kind: "write" }, () =>
          surroundings.published(message),
        ),
      ping: () => Promise.resolve(),
    },
    graph: NO_GRAPH,
    models: createLexicalModels(),
    rateBuckets: NO_LIMITS_SET,
    records: createSqliteRecordStore(":memory:"),
    tables: NO_TABLES,
    guests: NO_GUESTS,
    runners: NO_RUNNERS,
    guestRequests: NO_GUEST_REQUESTS,
    tokens: { verify: () => Promise.resolve(undefined) },
    devTokens: undefined,
  };
  const steps: StepWorld = { pause: (ms) => sleep(ms), undoTries: surroundings.undoTries };
  const intents = surroundings.plans.flatMap((spec, index) => buildIntents(spec, index, steps));
  const services = createServices(CONFIG, adapters, intents);
  const worker: SimulatedWorker = {
    name,
    services,
    upkeep: startUpkeep({ ...services, ...adapters }),
    get alive() {
      return alive;
    },
  };
  return worker;
}

const AWAY = { status: 503, retryable: true };
const nothing = (): void => undefined;
const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, with: () => SILENT };
