import type { FunctionSpec } from "../../infra/build/functions.ts";
import { median } from "./statistics.ts";

const TENANT = { tenant_id: "bench" };
const TYPE = "content.ingest_file";
const PARAMETERS = { ui_name: "a.csv", content_base64: Buffer.from("a,b\n1,2\n").toString("base64") };
const WARM = 20;

/** Has a function accept an intent; throws when it does not. */
export type FirstIntent = (url: string) => Promise<void>;

/** Makes a session by the API, and for functions that accept an intent, by name, what has them do so; `warmMs` is what that takes here by now. */
export async function openSession(url: string, specs: readonly FunctionSpec[]) {
  const { token } = await post<{ token: string }>(`${url}/dev/token`, TENANT);
  const { session_id } = await post<{ session_id: string }>(`${url}/session/create`, TENANT, token);
  const submission = { ...TENANT, session_id, parameters: PARAMETERS };
  const byApi: FirstIntent = async (at) =>
    void (await post(`${at}/intent/submit`, { ...submission, intent_type: TYPE }, token));
  const own: FirstIntent = async (at) => void (await post(`${at}/${TYPE.replace(".", "/")}`, submission, token));
  const intents = new Map<string, FirstIntent>();
  for (const { name, kind, intentType } of specs) {
    if (kind === "api") intents.set(name, byApi);
    if (intentType === TYPE) intents.set(name, own);
  }
  const tookMs: number[] = [];
  for (let count = 0; count < 2 * WARM; count += 1) {
    const startedMs = performance.now();
    await byApi(url);
    tookMs.push(performance.now() - startedMs);
  }
  return { intents, warmMs: median(tookMs.slice(WARM)) };
}

async function post<Answer>(url: string, body: object, token?: string): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      prefer: "respond-async",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${answer}`);
  return JSON.parse(answer) as Answer;
}
