import * as z from "zod";

import type { Environment, Reading } from "./config-choices.ts";
import { isLoopback } from "./loopback.ts";

/** Where tenants' modules run. */
export type WasmChoice =
  | { readonly kind: "off" }
  /** In this process: for one machine. */
  | { readonly kind: "in-process" }
  /** In one runner service that scales by itself: Cloud Run. */
  | { readonly kind: "service"; readonly url: string }
  /** In runners that register here, each at an address of its own. */
  | { readonly kind: "nodes"; readonly proof: NodeProof | undefined };

/** Which runners are believed: those of this service account, by tokens that Google signs for this audience. Undefined: dev mode believes all. */
export interface NodeProof {
  readonly audience: string;
  readonly serviceAccounts: readonly string[];
}

const KINDS = ["in-process", "nodes", "off"] as const;
const OF_NODES = ["WASM_RUNNER_URL", "WASM_NODES_AUDIENCE", "WASM_NODES_ACCOUNT"] as const;

const schema = z.object({
  MODE: z.string().default("dev"),
  WASM: z.enum(KINDS).optional(),
  WASM_RUNNER_URL: z
    .string()
    .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "must be a URL such as https://host")
    .optional(),
  WASM_NODES_AUDIENCE: z.string().min(1).optional(),
  WASM_NODES_ACCOUNT: z.email("must be an e-mail address").optional(),
});

/** A process that holds secrets runs no tenant's code unless it is told to: in production the default is `off`. */
export function readWasm(env: Environment): Reading<WasmChoice> {
  return schema
    .superRefine((read, context) => {
      const fault = (variable: string, message: string): void =>
        context.addIssue({ code: "custom", path: [variable], message });
      for (const variable of OF_NODES)
        if (read[variable] !== undefined && read.WASM !== "nodes")
          fault(variable, "has a meaning with WASM=nodes only");
      if (read.WASM !== "nodes" || read.MODE !== "production") return;
      const { WASM_RUNNER_URL: url, WASM_NODES_AUDIENCE: audience, WASM_NODES_ACCOUNT: account } = read;
      if (url !== undefined) {
        const { protocol, hostname } = new URL(url);
        if (protocol !== "https:" && !isLoopback(hostname))
          fault("WASM_RUNNER_URL", "must be https in production: inputs and tokens go there");
        if (audience !== undefined || account !== undefined)
          fault("WASM_RUNNER_URL", "is for one service; leave it out where nodes register, or leave WASM_NODES_* out");
      } else if (audience === undefined || account === undefined)
        fault(
          "WASM",
          "nodes needs WASM_RUNNER_URL (one service), or WASM_NODES_AUDIENCE and WASM_NODES_ACCOUNT (whose registrations are believed)",
        );
    })
    .transform((read): WasmChoice => {
      const { WASM: kind, WASM_RUNNER_URL: url, WASM_NODES_AUDIENCE: audience, WASM_NODES_ACCOUNT: account } = read;
      const inProduction = read.MODE === "production";
      if (kind !== "nodes") return { kind: kind ?? (inProduction ? "off" : "in-process") };
      if (url !== undefined) return { kind: "service", url };
      const isProven = audience !== undefined && account !== undefined;
      return { kind: "nodes", proof: isProven ? { audience, serviceAccounts: [account] } : undefined };
    })
    .safeParse(env);
}
