import { hash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { Redis } from "ioredis";

import { createRestConnection } from "../../infra/adapters/redis/rest-connection.ts";
import { listenUnderFramework, underFramework } from "./framework-host.ts";
import { recordScripts } from "./recorded-scripts.ts";

/**
 * The limit of any engine on this machine that keeps a saga of three steps in Redis by one Lua call for each commit: a bare server
 * that for each POST makes four of them, one after the other, and does nothing else. Each call is one HSET of a new field:
 * `/plain`: of 16 bytes. `/bytes`: of as many bytes as a commit of ours carries. `/scripts`: the four scripts of a saga of ours instead, with
 * all that they were sent, recorded once; an engine that took no time at all would be as fast.
 */
const CALLS = 4;
const SCRIPT = "return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])";
const sha = hash("sha1", SCRIPT, "hex");
const values: Readonly<Record<string, string>> = {
  "/plain": "x".repeat(16),
  "/bytes": "x".repeat(Number(process.env["ROW_BYTES"] ?? 2_000)),
};

type Evalsha = (key: string, field: string, value: string) => Promise<unknown>;

/** The client that the runtime uses, without what the runtime puts around it. */
async function open(): Promise<Evalsha> {
  const { REDIS_URL, UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN = "" } = process.env;
  if (UPSTASH_REDIS_REST_URL === undefined) {
    const redis = new Redis(REDIS_URL ?? "", { protocol: 2, enableAutoPipelining: true });
    await redis.script("LOAD", SCRIPT);
    return (key, field, value) => redis.evalsha(sha, 1, key, field, value);
  }
  const rest = createRestConnection({ url: UPSTASH_REDIS_REST_URL, token: UPSTASH_REDIS_REST_TOKEN });
  await rest.eval(SCRIPT, ["limit:first"], ["0", ""]);
  return (key, field, value) => rest.evalsha(sha, [key], [field, value]);
}

const evalsha = await open();
const runScripts = await recordScripts();
let sagas = 0;

async function saga(value: string): Promise<void> {
  sagas += 1;
  const key = `limit:${process.pid}:${sagas}`;
  for (let call = 0; call < CALLS; call += 1) await evalsha(key, String(call), value);
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const value = values[request.url ?? ""];
  if (value !== undefined) await saga(value);
  else if (request.url === "/scripts") await runScripts(`execution_${randomUUID()}`);
  else return void response.writeHead(404).end();
  response.writeHead(200, { "content-type": "application/json" }).end('{"done":true}');
}

if (underFramework) {
  // It has read the body before.
  console.log(await listenUnderFramework(() => serve));
} else {
  const server = createServer((request, response) => {
    request.resume();
    request.once("end", () => void serve(request, response));
  });
  server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
}

process.once("SIGTERM", () => process.exit(0));
