import * as z from "zod";

import { type ArtifactId, asId } from "../../shared/ids.ts";
import { type JsonObject, jsonValue } from "../../shared/json.ts";
import { TerminalError } from "../../shared/sagas/retry-policy.ts";
import type { UndoContext } from "../../shared/sagas/step-context.ts";
import type { ExternalSystem } from "./external-system.ts";
import type { Io } from "./model-store.ts";
import { type Context, effectStep, plan, type Plan, returning } from "./plans.ts";
import type { Scenario } from "./scenario.ts";

/** What no plan here returns. */
const OTHER_OUTPUT = z.object({ missing: z.string() }) as unknown as z.ZodType<JsonObject>;

function artifactOf(ctx: Context): ArtifactId {
  return asId.artifact(`file_${ctx.executionId}`);
}

async function register(ctx: Context): Promise<JsonObject> {
  await ctx.artifacts.register({
    artifact_id: artifactOf(ctx),
    artifact_type: "file",
    semantic_descriptor: { schema: "any" },
    data_classification: "client",
  });
  return {};
}

/** A step that registers a PENDING artifact, then whatever may fail. */
export function registering(more: "wait" | "fail" | "bad output", checkpoint: "each" | "ends" = "each"): Plan {
  return {
    intents: () => {
      const builder = plan("registering", {
        checkpoint,
        ...(more === "bad output" ? { output: OTHER_OUTPUT } : {}),
      }).step("register", {
        run: register,
      });
      if (more === "bad output") return [returning(builder)];
      if (more === "wait") return [returning(builder.await("go", { schema: jsonValue, timeout: "1h" }))];
      return [returning(builder.step("s", effectStep({ fails: "before" })))];
    },
    effects: { "model.registering": more === "fail" ? ["s"] : [] },
  };
}

/** A step behind a pivot that fails for good until somebody mends what it needs. */
export function mendedBehindPivot(): Plan {
  return {
    intents: (_io, external) => [
      returning(
        plan("mended")
          .pivot("p", effectStep())
          .step("s", {
            run: async (ctx) => {
              await ctx.effects.apply({});
              if (!external.mended) throw new TerminalError("model.broken", "Somebody has to mend it.");
              return {};
            },
          }),
      ),
    ],
    effects: { "model.mended": ["p", "s"] },
  };
}

/** A step that leaves nothing to undo, and one that fails for good until somebody mends what it needs. */
export function mendedStep(): Plan {
  return {
    intents: (_io, external) => [
      returning(
        plan("mended")
          .step("s1", { run: () => ({}) })
          .step("s2", {
            ...effectStep(),
            run: async (ctx) => {
              if (!external.mended) throw new TerminalError("model.broken", "Somebody has to mend it.");
              await ctx.effects.apply({});
              return {};
            },
          }),
      ),
    ],
    effects: { "model.mended": ["s2"] },
  };
}

/** A step whose undo fails for good until somebody mends what it needs, and one that fails. */
export function mendedUndo(): Plan {
  return {
    intents: (_io, external) => [
      returning(
        plan("mended")
          .step("s1", {
            ...effectStep(),
            undo: async (ctx) => {
              if (!external.mended) throw new TerminalError("model.stuck", "Somebody has to mend it.");
              await ctx.effects.undo();
            },
          })
          .step("s2", effectStep({ fails: "after" })),
      ),
    ],
    effects: { "model.mended": ["s1", "s2"] },
  };
}

/** A child after a wait that may be longer than the session lives. */
export function callingLate(): Plan & Pick<Scenario, "signal"> {
  return {
    intents: () => {
      const child = returning(plan("child").step("c", effectStep()));
      const parent = plan("parent")
        .step("s", effectStep())
        .await("go", { schema: jsonValue, timeout: "30h", onTimeout: "continue" });
      return [returning(parent.call("call", { intent: child, input: () => ({}) })), child];
    },
    effects: { "model.parent": ["s"], "model.child": ["c"] },
    signal: { name: "go", payload: null },
  };
}

/** A step with an effect outside that happens once at the most, and that changes a record which others may change too. */
export function onceWithRecord(): Plan {
  return {
    intents: (io, external) => [
      returning(
        plan("once")
          .step("register", { run: register })
          .step("o", {
            semantics: "at-most-once",
            run: async (ctx) => {
              await ctx.artifacts.move(artifactOf(ctx), "READY");
              return io({ name: `effect ${ctx.key}`, kind: "write" }, () => {
                external.apply(ctx.key);
                return {};
              });
            },
          }),
      ),
    ],
    effects: { "model.once": [] },
  };
}

/** A step with an effect outside that knows keys and undos, and one that fails after it. */
export function outside(semantics: "at-least-once" | "at-most-once"): Plan {
  const effect = (io: Io, external: ExternalSystem) => ({
    semantics,
    run: (ctx: Context): Promise<JsonObject> =>
      io({ name: `effect ${ctx.key}`, kind: "write" }, () => {
        external.apply(ctx.key);
        return {};
      }),
    undo: (ctx: UndoContext<unknown, unknown, unknown>) =>
      io({ name: `undo ${ctx.key}`, kind: "write" }, () => external.undo(ctx.key)),
  });
  return {
    intents: (io, external) => [
      returning(
        plan("outside")
          .step("o", effect(io, external))
          .step("s", effectStep({ fails: "before" })),
      ),
    ],
    effects: { "model.outside": ["s"] },
  };
}
