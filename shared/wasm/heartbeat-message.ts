import * as z from "zod";

import { idSchemas } from "../ids.ts";
import { PROVIDER_TYPES } from "../ports/wasm-capabilities.ts";

/** Where a node posts its heartbeats; the first one registers it. */
export const NODES_PATH = "/wasm/nodes";
const MAX_URL_CHARS = 2_048;

export const heartbeatMessage = z.strictObject({
  node_id: idSchemas.node,
  /** Where the control side calls it. */
  url: z.url({ protocol: /^https?$/ }).max(MAX_URL_CHARS),
  provider_types: z.array(z.enum(PROVIDER_TYPES)).max(PROVIDER_TYPES.length),
  max_instances: z.int().min(0).max(1_000_000),
  heartbeat_every_ms: z.int().min(100).max(60_000),
  state: z.enum(["serving", "draining", "gone"]),
});
export type HeartbeatMessage = z.infer<typeof heartbeatMessage>;
