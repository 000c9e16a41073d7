/**
 * Upstash's REST interface in front of a plain Redis, as a process: <port> <redis port> <token>.
 * Serves a single command at `/`, `/pipeline` and `/multi-exec`, in base64 when `upstash-encoding` asks for it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import { Redis } from "ioredis";
import * as z from "zod";

type Answer = { readonly result: unknown } | { readonly error: string };
type Command = z.infer<typeof command>;
type Encode = (value: unknown) => unknown;

const command = z.tuple([z.coerce.string()], z.coerce.string());
const commands = z.array(command);

/** Redis did not answer, which is an error of the service and not of the command. */
class RedisAway extends Error {}

const [port = "", redisPort = "", token = ""] = process.argv.slice(2);
// Protocol 2 has the reply types that Upstash has.
const redis = new Redis(Number(redisPort), "127.0.0.1", { protocol: 2, maxRetriesPerRequest: 0 });
redis.on("error", (error) => console.error(error.message));

const server = createServer((request, response) => {
  answer(request).then(
    ([status, body]) => send(response, status, body),
    (error: unknown) => {
      const [status, why] = error instanceof RedisAway ? [503, "ERR the database cannot be reached"] : [400, error];
      send(response, status, { error: why instanceof Error ? why.message : String(why) });
    },
  );
});
// Every idle second of a client that keeps its connections is another's chance to meet a closed one.
server.keepAliveTimeout = 60_000;
server.listen(Number(port), "127.0.0.1");
process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
  redis.disconnect();
});

async function answer(request: IncomingMessage): Promise<readonly [status: number, body: unknown]> {
  if (request.method === "GET") return [200, { result: "upstash bridge" }];
  if (request.headers.authorization !== `Bearer ${token}`)
    return [401, { error: "WRONGPASS invalid or missing auth token" }];
  const encode = request.headers["upstash-encoding"] === "base64" ? base64 : plain;
  const body: unknown = JSON.parse(await textOf(request));
  switch (request.url) {
    case "/": {
      const result = await one(command.parse(body), encode);
      return ["error" in result ? 400 : 200, result];
    }
    case "/pipeline":
      return [200, await many(redis.pipeline(), commands.parse(body), encode)];
    case "/multi-exec":
      return [200, await many(redis.multi(), commands.parse(body), encode)];
    case undefined:
    default:
      return [404, { error: `ERR unknown path ${request.url}` }];
  }
}

async function one([name, ...args]: Command, encode: Encode): Promise<Answer> {
  try {
    return { result: encode(await redis.callBuffer(name.toUpperCase(), ...args)) };
  } catch (error) {
    return failed(error);
  }
}

async function many(pipeline: ReturnType<Redis["pipeline"]>, batch: readonly Command[], encode: Encode) {
  // Upper case keeps the client from rewriting the replies of the commands that it knows.
  for (const [name, ...args] of batch) pipeline.callBuffer(name.toUpperCase(), ...args);
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, result]): Answer => (error ? failed(error) : { result: encode(result) }));
}

function failed(error: unknown): Answer {
  if (error instanceof Error && error.name === "ReplyError") return { error: error.message };
  throw new RedisAway("the connection broke", { cause: error });
}

function base64(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(base64);
  if (!Buffer.isBuffer(value)) return value;
  const text = value.toString("base64");
  return text === "T0s=" ? "OK" : text;
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return Buffer.isBuffer(value) ? value.toString() : value;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { "content-type": "application/json", "content-length": text.byteLength });
  response.end(text);
}
