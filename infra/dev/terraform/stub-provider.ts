import path from "node:path";

import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";

import { appliedValues, plannedValues } from "./computed-values.ts";
import { configFaults, type Fault, type PathStep } from "./config-faults.ts";
import { type DynamicValue, readValue, writeValue } from "./dynamic-value.ts";
import type { Block, NestedBlock, ProviderSchema } from "./provider-schema.ts";

const SERVICE = "tfplugin6.Provider";
const NESTING = { single: "SINGLE", list: "LIST", set: "SET", map: "MAP" } as const;

interface ResourceRequest {
  readonly type_name: string;
  readonly config?: DynamicValue;
  readonly current_state?: DynamicValue;
  readonly proposed_new_state?: DynamicValue;
  readonly planned_state?: DynamicValue;
  readonly raw_state?: DynamicValue;
  readonly private?: Uint8Array;
}

export interface StubProvider {
  readonly address: string;
  /** The Unix socket on which it is served. */
  readonly socket: string;
  close(): void;
}

/**
 * Serves a schema as a Terraform provider would (plugin protocol 6). It creates nothing: plans and applies answer with stand-ins for
 * what the real provider computes, and arguments that the real one would refuse are refused.
 */
export async function serveStubProvider(schema: ProviderSchema, socket: string): Promise<StubProvider> {
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(loadService(), handlers(schema));
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return { address: schema.address, socket, close: () => server.forceShutdown() };
}

function loadService(): grpc.ServiceDefinition {
  const file = path.join(import.meta.dirname, "plugin-protocol.proto");
  const definition = protoLoader.loadSync(file, { keepCase: true, longs: Number, enums: String, defaults: true });
  return definition[SERVICE] as grpc.ServiceDefinition;
}

function handlers(schema: ProviderSchema): grpc.UntypedServiceImplementation {
  const resource = (name: string): Block => typeOf(schema.resources, name);
  const dataSource = (name: string): Block => typeOf(schema.data_sources, name);
  let applied = 0;
  const schemas = {
    provider: wireSchema(schema.provider),
    resource_schemas: wireSchemas(schema.resources),
    data_source_schemas: wireSchemas(schema.data_sources),
    // Terraform then asks once, and not for each provider block and each walk.
    server_capabilities: { get_provider_schema_optional: true },
  };
  return {
    GetProviderSchema: answering(() => schemas),
    ValidateProviderConfig: answering(({ config }) => ({
      diagnostics: diagnostics(configFaults("", schema.provider, readValue(config))),
    })),
    ConfigureProvider: answering(() => ({})),
    StopProvider: answering(() => ({})),
    ValidateResourceConfig: answering(({ type_name, config }) => ({
      diagnostics: diagnostics(configFaults(type_name, resource(type_name), readValue(config))),
    })),
    ValidateDataResourceConfig: answering(({ type_name, config }) => ({
      diagnostics: diagnostics(configFaults(type_name, dataSource(type_name), readValue(config))),
    })),
    UpgradeResourceState: answering(({ raw_state }) => ({ upgraded_state: writeValue(readValue(raw_state)) })),
    ReadResource: answering(({ current_state, private: own }) => ({ new_state: current_state, private: own })),
    PlanResourceChange: answering(({ type_name, proposed_new_state }) => ({
      planned_state: writeValue(plannedValues(resource(type_name), readValue(proposed_new_state))),
    })),
    ApplyResourceChange: answering(({ type_name, planned_state }) => {
      applied += 1;
      return {
        new_state: writeValue(appliedValues(type_name, resource(type_name), readValue(planned_state), applied)),
      };
    }),
    ReadDataSource: answering(({ type_name, config }) => ({
      state: writeValue(appliedValues(type_name, dataSource(type_name), readValue(config), 0)),
    })),
  };
}

function typeOf(types: Readonly<Record<string, Block>>, name: string): Block {
  const block = types[name];
  if (block === undefined) throw new Error(`the stub has no schema of ${name}`);
  return block;
}

function answering(answer: (request: ResourceRequest) => object): grpc.handleUnaryCall<ResourceRequest, object> {
  return ({ request }, callback) => {
    try {
      callback(null, answer(request));
    } catch (error) {
      callback({ code: grpc.status.INTERNAL, message: error instanceof Error ? error.message : String(error) });
    }
  };
}

function diagnostics(faults: readonly Fault[]): readonly object[] {
  return faults.map(({ summary, path: steps }) => ({
    severity: "ERROR",
    summary,
    ...(steps.length === 0 ? {} : { attribute: { steps: steps.map((step: PathStep) => ({ ...step })) } }),
  }));
}

function wireSchemas(types: Readonly<Record<string, Block>>): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.entries(types).map(([name, block]) => [name, wireSchema(block)]));
}

function wireSchema(block: Block): object {
  return { version: 0, block: wireBlock(block) };
}

function wireBlock({ attributes, block_types }: Block): object {
  return {
    attributes: Object.entries(attributes).map(([name, { type, one_of: _, ...flags }]) => ({
      name,
      type: Buffer.from(JSON.stringify(type)),
      ...flags,
    })),
    block_types: Object.entries(block_types).map(([type_name, nested]: readonly [string, NestedBlock]) => ({
      type_name,
      nesting: NESTING[nested.nesting_mode],
      min_items: nested.min_items ?? 0,
      max_items: nested.max_items ?? 0,
      block: wireBlock(nested.block),
    })),
  };
}
