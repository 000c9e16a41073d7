import * as z from "zod";

import { ambientHost } from "../../shared/client/host.ts";
import { RuntimeError } from "../../shared/errors.ts";
import { type Api, createApi } from "./api.ts";
import { usageError } from "./exit-codes.ts";
import { type Remembered, rememberedAt } from "./remembered.ts";
import type { Environment } from "./terminal.ts";
import { isLoopback } from "../../shared/loopback.ts";

const DEFAULT_URL = "http://127.0.0.1:8080";

export interface Connection {
  readonly url: string;
  readonly tenantId: string;
  readonly api: Api;
  readonly remembered: Remembered;
  /** Calls whenever a request finds nobody there, though it may be made again. */
  readonly onLost: (listener: () => void) => void;
}

export type Connect = () => Promise<Connection>;

export interface ConnectionDeps {
  readonly env: Environment;
  /** The command line's --url, --tenant and --token. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly interrupted: AbortSignal;
  readonly note: (line: string) => void;
}

/** Connects as the command line and the environment say. Throws `cli.usage`, `runtime.unreachable`, `auth.no_token`. */
export function createConnect(deps: ConnectionDeps): Connect {
  return async () => {
    const { env, interrupted, note } = deps;
    const url = runtimeUrl(deps);
    const tenantId = chosenTenant(deps);
    const remembered = rememberedAt(env, url, tenantId);
    const given = setting(deps, "token", "SYMPHAINY_TOKEN");
    if (given !== undefined && !/^[\x21-\x7e]+$/.test(given.trim()))
      throw usageError("The token has characters that no token has: is all of SYMPHAINY_TOKEN or --token one token?");
    const token = given ?? (await fetchDevToken(url, { tenantId }, interrupted)).token;
    if (given === undefined && (await remembered.read()).dev_mode_told !== true) {
      note(
        `Dev mode: ${url} hands out tokens for any tenant, so this is done as ${tenantId} without --token. (Told once.)`,
      );
      await remembered.amend({ dev_mode_told: true });
    }
    const lost = new Set<() => void>();
    const ambient = ambientHost();
    const host = {
      ...ambient,
      fetch: async (...request: Parameters<typeof fetch>) => {
        try {
          return await ambient.fetch(...request);
        } catch (error) {
          for (const listener of lost) listener();
          throw error;
        }
      },
    };
    const api = createApi({ url, tenantId, token, host, signal: interrupted });
    return { url, tenantId, remembered, api, onLost: (listener) => void lost.add(listener) };
  };
}

const devToken = z.object({ token: z.string(), expires_in: z.int() });

export interface DevTokenRequest {
  readonly tenantId: string;
  readonly userId?: string | undefined;
  readonly roles?: readonly string[] | undefined;
}

/** A token of dev mode, which only a runtime on this machine has. Throws `auth.no_token`. */
export async function fetchDevToken(url: string, { tenantId, userId, roles }: DevTokenRequest, signal: AbortSignal) {
  const advice = "give yours by SYMPHAINY_TOKEN or --token";
  if (!isLoopback(new URL(url).hostname))
    throw new RuntimeError("auth.no_token", `${url} is not this machine, so dev mode has no token for it: ${advice}.`, {
      status: 401,
    });
  try {
    // The endpoint is public: whatever bearer is sent, it looks at none.
    const api = createApi({ url, tenantId, token: "none", host: ambientHost(), signal });
    return await api.post("/dev/token", devToken, { user_id: userId, roles });
  } catch (error) {
    if (error instanceof RuntimeError && (error.status === 404 || error.status === 405))
      throw new RuntimeError("auth.no_token", `${url} is not in dev mode and hands out no tokens: ${advice}.`, {
        status: 401,
        cause: error,
      });
    throw error;
  }
}

export function runtimeUrl(deps: Pick<ConnectionDeps, "env" | "flags">): string {
  const text = setting(deps, "url", "SYMPHAINY_URL") ?? DEFAULT_URL;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw usageError(`"${text}" is no URL of a runtime; it looks like ${DEFAULT_URL}.`);
  return url.href.replace(/\/$/, "");
}

export function chosenTenant(deps: Pick<ConnectionDeps, "env" | "flags">): string {
  const tenant = setting(deps, "tenant", "SYMPHAINY_TENANT");
  if (tenant === undefined)
    throw usageError("Say whose data: --tenant acme, or export SYMPHAINY_TENANT=acme. In dev mode any name will do.");
  return tenant;
}

function setting({ env, flags }: Pick<ConnectionDeps, "env" | "flags">, flag: string, variable: string) {
  const given = flags[flag];
  if (typeof given === "string") return given;
  const value = env[variable];
  return value === "" ? undefined : value;
}
