/**
 * Cloud Storage's JSON API, and its XML API for signed URLs, as a process: <port> <directory> <key file> <bucket>...
 * Only what the project's client sends; everything else is 501.
 */
import { createReadStream } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

import * as z from "zod";

import { readMultipart } from "./gcs-standin-multipart.ts";
import { GcsError, GcsObjects, type NewMeta, type Preconditions, type StoredObject } from "./gcs-standin-objects.ts";
import { createSignatureChecker } from "./gcs-standin-signatures.ts";
import { ResumableUploads } from "./gcs-standin-uploads.ts";

const [port = "", directory = "", keyFile = "", ...buckets] = process.argv.slice(2);
const objects = await GcsObjects.open(directory, buckets);
const uploads = new ResumableUploads(objects);
const signatures = await createSignatureChecker(keyFile);

const newMeta = z.object({
  name: z.string().optional(),
  contentType: z.string().optional(),
  crc32c: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
});

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => fail(request, response, error));
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), "127.0.0.1");
process.once("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", `http://${request.headers.host ?? "127.0.0.1"}`);
  if (url.pathname === "/") return void response.end("ok");
  if (/^\/(resumable\/)?upload\/storage\/v1\//.test(url.pathname)) return upload(request, response, url);
  const path = url.pathname.replace(/^\/(download\/)?storage\/v1(?=\/)/, "");
  if (path === "/b" || path.startsWith("/b/")) return api(request, response, url, path);
  return signed(request, response, url);
}

/** `/b`, `/b/<bucket>` and `/b/<bucket>/o`. */
async function api(request: IncomingMessage, response: ServerResponse, url: URL, path: string): Promise<void> {
  const { searchParams: query } = url;
  const [, , bucket, o, name, ...rest] = path.split("/").map(decodeURIComponent);
  const asked = `${request.method ?? ""} ${path}`;
  if (bucket === undefined) {
    if (request.method !== "POST") throw new GcsError(501, "notImplemented", asked);
    const { name: wanted = "" } = await jsonOf(request);
    objects.addBucket(wanted);
    return json(response, { kind: "storage#bucket", name: wanted });
  }
  objects.expectBucket(bucket);
  if (name !== undefined) return objectApi(request, response, query, { bucket, name, rest, asked });
  if (request.method !== "GET") throw new GcsError(501, "notImplemented", asked);
  if (o === undefined) return json(response, { kind: "storage#bucket", name: bucket });
  const after = Buffer.from(query.get("pageToken") ?? "", "base64url").toString();
  const limit = Number(query.get("maxResults") ?? 1_000);
  const { items, more } = objects.list(bucket, query.get("prefix") ?? "", limit, after);
  const nextPageToken = more ? Buffer.from(items.at(-1)?.name ?? "").toString("base64url") : undefined;
  return json(response, { kind: "storage#objects", items, nextPageToken });
}

interface Asked {
  readonly bucket: string;
  readonly name: string;
  /** The parts of the path behind the object's name. */
  readonly rest: readonly string[];
  readonly asked: string;
}

/** `/b/<bucket>/o/<object>` and what follows. */
async function objectApi(
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  { bucket, name, rest, asked }: Asked,
): Promise<void> {
  const [verb, , toBucket, , toName] = rest;
  switch (`${request.method ?? ""} ${verb ?? ""}`) {
    case "POST rewriteTo": {
      const source = objects.get(bucket, name, query.get("sourceGeneration") ?? undefined);
      const form = await jsonOf(request);
      const meta = await objects.copy(source, toBucket ?? "", toName ?? "", form, preconditions(query));
      return json(response, { kind: "storage#rewriteResponse", done: true, objectSize: meta.size, resource: meta });
    }
    case "DELETE ":
      await objects.delete(bucket, name, preconditions(query));
      response.writeHead(204).end();
      return;
    case "GET ": {
      const found = objects.get(bucket, name, query.get("generation") ?? undefined);
      return query.get("alt") === "media" ? media(request, response, found) : json(response, found.meta);
    }
    default:
      throw new GcsError(501, "notImplemented", asked);
  }
}

async function upload(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const { searchParams: query } = url;
  const bucket = /\/b\/([^/]+)\/o$/.exec(url.pathname)?.[1] ?? "";
  const id = query.get("upload_id");
  if (id !== null) {
    if (request.method === "DELETE") {
      await uploads.cancel(id);
      response.writeHead(499).end();
      return;
    }
    const added = await uploads.add(id, request.headers, bodyOf(request));
    if (added.outcome === "done") return json(response, added.meta);
    const range = added.receivedBytes === 0 ? {} : { range: `bytes=0-${added.receivedBytes - 1}` };
    response.writeHead(308, { ...range, "content-length": 0 }).end();
    return;
  }
  const when = preconditions(query);
  switch (query.get("uploadType")) {
    case "resumable": {
      const meta = await jsonOf(request);
      const contentType = request.headers["x-upload-content-type"];
      const form = typeof contentType === "string" ? { ...meta, contentType } : meta;
      url.searchParams.set("upload_id", await uploads.begin(bucket, nameIn(query, meta.name), form, when));
      response.writeHead(200, { location: url.href, "content-length": 0 }).end();
      return;
    }
    case "multipart": {
      const { metadata, bytes } = await readMultipart(request.headers["content-type"] ?? "", bodyOf(request));
      const { name, ...form } = newMeta.parse(metadata);
      return json(response, await objects.put(bucket, nameIn(query, name), await objects.receive(bytes), form, when));
    }
    default: {
      const form = { contentType: request.headers["content-type"] };
      return json(
        response,
        await objects.put(bucket, nameIn(query), await objects.receive(bodyOf(request)), form, when),
      );
    }
  }
}

/** `/<bucket>/<object>` with a signature in its query. */
async function signed(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  signatures.check(request.method ?? "", url, request.headers);
  const [, bucket = "", ...rest] = url.pathname.split("/").map(decodeURIComponent);
  const name = rest.join("/");
  objects.expectBucket(bucket);
  if (request.method === "GET") {
    const { searchParams: query } = url;
    return media(request, response, objects.get(bucket, name), {
      type: query.get("response-content-type"),
      disposition: query.get("response-content-disposition"),
    });
  }
  if (request.method !== "PUT") throw new GcsError(405, "MethodNotAllowed", "The method is not allowed.");
  const match = request.headers["x-goog-if-generation-match"];
  const when = { ifGenerationMatch: typeof match === "string" ? match : undefined };
  objects.check(bucket, name, when);
  const [, min, max] = /^(\d+),(\d+)$/.exec(String(request.headers["x-goog-content-length-range"])) ?? [];
  const limits = { min: Number(min ?? 0), max: Number(max ?? Infinity) };
  const bytes = await objects.receive(within(limits, bodyOf(request)));
  const meta = await objects.put(bucket, name, bytes, { contentType: request.headers["content-type"] }, when);
  response.writeHead(200, { "x-goog-generation": meta.generation, "content-length": 0 }).end();
}

async function* within(
  { min, max }: { readonly min: number; readonly max: number },
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of source) {
    seen += chunk.length;
    if (seen > max) throw new GcsError(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.");
    yield chunk;
  }
  if (seen < min)
    throw new GcsError(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size.");
}

async function media(
  request: IncomingMessage,
  response: ServerResponse,
  { meta, file }: StoredObject,
  as: { readonly type: string | null; readonly disposition: string | null } = { type: null, disposition: null },
): Promise<void> {
  const size = Number(meta.size);
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const ranged = from !== "" || to !== "";
  const first = from === "" && ranged ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (ranged && first > last) {
    response.writeHead(416, { "content-range": `bytes */${size}` }).end();
    return;
  }
  response.writeHead(ranged ? 206 : 200, {
    "content-type": as.type ?? meta.contentType,
    "content-length": size === 0 ? 0 : last - first + 1,
    "x-goog-generation": meta.generation,
    "x-goog-hash": `crc32c=${meta.crc32c}`,
    "x-goog-stored-content-encoding": "identity",
    "x-goog-stored-content-length": meta.size,
    ...(as.disposition === null ? {} : { "content-disposition": as.disposition }),
    ...(ranged ? { "content-range": `bytes ${first}-${last}/${size}` } : {}),
  });
  if (size === 0) return void response.end();
  await pipeline(createReadStream(file, { start: first, end: last }), response);
}

/** Who stops reading it does not close the connection: the sender is to hear why. */
function bodyOf(request: IncomingMessage): AsyncIterable<Uint8Array> {
  return request.iterator({ destroyOnReturn: false });
}

function preconditions(query: URLSearchParams): Preconditions {
  return {
    ifGenerationMatch: query.get("ifGenerationMatch") ?? undefined,
    ifGenerationNotMatch: query.get("ifGenerationNotMatch") ?? undefined,
  };
}

function nameIn(query: URLSearchParams, name?: string): string {
  const found = query.get("name") ?? name;
  if (found === undefined || found === "") throw new GcsError(400, "required", "Required");
  return found;
}

async function jsonOf(request: IncomingMessage): Promise<NewMeta & { readonly name?: string | undefined }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return newMeta.parse(text === "" ? {} : JSON.parse(text));
}

function json(response: ServerResponse, body: object, status = 200): void {
  const text = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { "content-type": "application/json; charset=UTF-8", "content-length": text.length });
  response.end(text);
}

function fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const known = error instanceof GcsError ? error : undefined;
  if (known === undefined && !response.destroyed) console.error(error);
  if (response.headersSent || response.destroyed) return void response.destroy();
  const { status = 500, reason = "backendError", message = String(error) } = known ?? {};
  json(response, { error: { code: status, message, errors: [{ message, domain: "global", reason }] } }, status);
  // What is still to come of a refused body is not waited for.
  request.resume();
}
