import { asId, type ExecutionId, type TenantId } from "../ids.ts";
import type { JsonValue } from "../json.ts";
import type { Logger } from "../logger.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import { createCapabilityBroker } from "./capability-broker.ts";
import { failureError } from "./guest-failure.ts";
import { type GuestRun, isUnreached } from "./guest-runner.ts";
import type { InstanceNodes } from "./instance-nodes.ts";
import { assignmentOf, type CapabilityGrant } from "./capability-grant.ts";
import type { ProviderRegistry } from "./provider-registry.ts";

export interface GuestStep {
  readonly tenantId: TenantId;
  readonly executionId: ExecutionId;
  /** Of the execution, as its worker holds it. */
  readonly epoch: number;
  readonly intentType: string;
  readonly stepName: string;
  readonly digest: string;
  readonly export: string | undefined;
  readonly capabilities: readonly CapabilityGrant[];
  readonly input: JsonValue;
  readonly deadlineMs: number;
}

/**
 * Runs a step of a saga in a guest, with the capabilities that its plan declares.
 *  G1  A capability call is answered only while the execution is still at the epoch that the step was begun under: what a stale
 *      worker's guest asks for is refused.
 */
export interface GuestSteps {
  /** What the guest gave. Throws its failure, `retryable` where another attempt may help. */
  run(step: GuestStep): Promise<JsonValue>;
}

export interface GuestStepsDeps {
  readonly store: Pick<ExecutionStore, "readExecution">;
  readonly nodes: InstanceNodes;
  readonly providers: Pick<ProviderRegistry, "running">;
  readonly logger: Logger;
}

export function createGuestSteps({ store, nodes, providers, logger }: GuestStepsDeps): GuestSteps {
  return {
    run: async (step) => {
      const { tenantId, executionId, epoch, digest, input, deadlineMs } = step;
      const instanceId = asId.instance(`step.${step.intentType}.${step.stepName.replaceAll("/", ".")}`);
      const declared = step.capabilities.map((grant) => assignmentOf(instanceId, grant.providerType, grant));
      const assignmentsOf = async () => {
        const live = await store.readExecution(tenantId, executionId);
        return live?.epoch === epoch ? declared : [];
      };
      const broker = createCapabilityBroker({ assignments: { assignmentsOf }, providers, logger });
      const needed = step.capabilities.map(({ providerType }) => providerType);
      const call = { tenantId, instanceId, digest, export: step.export, input, deadlineMs };
      const runOnce = async (): Promise<GuestRun> => nodes.run(await nodes.choose(needed), call, broker);
      const first = await runOnce();
      // Nothing of it has begun: another node may take it.
      const run = isUnreached(first) ? await runOnce() : first;
      if (run.outcome === "completed") return run.output;
      throw failureError(run.failure, run.report);
    },
  };
}
