import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import type { ProviderSchema } from "./provider-schema.ts";
import { serveStubProvider } from "./stub-provider.ts";

const SCHEMAS = path.join(import.meta.dirname, "schemas");

/** Every stub provider, served by this process until disposed; any number of terraform processes may use them at once. */
export interface ProviderHost extends AsyncDisposable {
  /** What a terraform process needs in its environment to use the stubs, and nothing of the machine's own settings. */
  readonly env: Readonly<Record<string, string>>;
}

export async function openProviderHost(): Promise<ProviderHost> {
  const folder = mkdtempSync(path.join(tmpdir(), "terraform-stubs-"));
  const stubs = await Promise.all(
    readSchemas().map(({ name, schema }) => serveStubProvider(schema, path.join(folder, `${name}.sock`))),
  );
  const reattach = Object.fromEntries(
    stubs.map(({ address, socket }) => [
      address,
      {
        Protocol: "grpc",
        ProtocolVersion: 6,
        Pid: process.pid,
        Test: true,
        Addr: { Network: "unix", String: socket },
      },
    ]),
  );
  return {
    env: {
      TF_REATTACH_PROVIDERS: JSON.stringify(reattach),
      // An empty file of settings: those of the machine could name mirrors and credentials.
      TF_CLI_CONFIG_FILE: "/dev/null",
      TF_IN_AUTOMATION: "1",
      CHECKPOINT_DISABLE: "1",
    },
    [Symbol.asyncDispose]: async () => {
      for (const stub of stubs) stub.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function readSchemas(): readonly { readonly name: string; readonly schema: ProviderSchema }[] {
  return readdirSync(SCHEMAS).map((file) => ({
    name: path.basename(file, ".json"),
    schema: JSON.parse(readFileSync(path.join(SCHEMAS, file), "utf8")) as ProviderSchema,
  }));
}
