import type { Call } from "./load.ts";
import { once } from "./load.ts";
import { TENANT } from "./runtime.ts";
import { PARAMETERS } from "./three-steps.ts";

/** The calls of one measured server, for one tenant and session. */
export interface Client {
  readonly saga: Call;
  readonly executions: Call;
  readonly status: Call;
  readonly log: Call;
}

/** Gets a token and a session, runs one saga, and prepares the calls that are measured. */
export async function connect(url: string): Promise<Client> {
  const json = { "content-type": "application/json" };
  const tenant = { tenant_id: TENANT };
  const post = (path: string, headers: Readonly<Record<string, string>>, body: object): Call => ({
    method: "POST",
    url: `${url}${path}`,
    headers,
    body: JSON.stringify(body),
  });
  const { token } = await answer<{ token: string }>(post("/dev/token", json, tenant));
  const headers = { ...json, authorization: `Bearer ${token}` };
  const { session_id } = await answer<{ session_id: string }>(post("/session/create", headers, tenant));
  const get = (path: string, query: Readonly<Record<string, string>>): Call => ({
    method: "GET",
    url: `${url}${path}?${new URLSearchParams({ ...tenant, ...query }).toString()}`,
    headers: { authorization: headers.authorization },
  });
  const saga = post("/bench/three_steps", headers, { ...tenant, session_id, parameters: PARAMETERS });
  const { execution_id } = await answer<{ execution_id: string }>(saga);
  return {
    saga,
    executions: get("/executions", {}),
    status: get(`/execution/${execution_id}/status`, {}),
    log: get("/wal", { type: "step_completed", order: "newest", limit: "50" }),
  };
}

async function answer<Body>(call: Call): Promise<Body> {
  return JSON.parse(await once(call)) as Body;
}
