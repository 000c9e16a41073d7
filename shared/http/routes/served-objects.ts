import { attachmentNamed } from "../../content-disposition.ts";
import { RuntimeError } from "../../errors.ts";
import type { ByteRange, ObjectStore, ServedObjects } from "../../ports/object-store.ts";
import type { Router } from "../endpoint.ts";
import { requestBytes } from "../request-bytes.ts";
import { SANDBOX_HEADERS } from "./artifact-payload.ts";

/**
 * Where signed URLs of a store lead that has no server of its own. They are whole as they are given out, so they are no part
 * of the documented API; what they prove is checked by the store.
 */
export function addServedObjectRoutes(router: Router, objects: ObjectStore, served: ServedObjects): void {
  router.put(`${served.root}*`, async (c) => {
    const declared = c.req.header("content-length");
    const body = requestBytes(c.req.raw);
    try {
      await served.put(new URL(c.req.url), {
        contentType: c.req.header("content-type"),
        sizeBytes: declared === undefined ? undefined : Number(declared),
        source: body.chunks,
      });
    } catch (error) {
      await body.drain();
      throw error;
    }
    return new Response(undefined, { status: 200 });
  });

  router.get(`${served.root}*`, async (c) => {
    const { path, sizeBytes, contentType, filename } = await served.get(new URL(c.req.url));
    const range = rangeOf(c.req.header("range"), sizeBytes);
    const length = range === undefined ? sizeBytes : range.last - range.first + 1;
    return new Response(ReadableStream.from(await objects.read(path, range)), {
      status: range === undefined ? 200 : 206,
      headers: {
        "content-type": contentType,
        "content-length": String(length),
        "content-disposition": attachmentNamed(filename),
        "accept-ranges": "bytes",
        ...(range === undefined ? {} : { "content-range": `bytes ${range.first}-${range.last}/${sizeBytes}` }),
        ...SANDBOX_HEADERS,
      },
    });
  });
}

/**
 * The one range that is asked for; undefined for the whole object, also for what is no range or several of them, as RFC 9110
 * (section 14.2) allows. Throws `object.range_unsatisfiable` (416).
 */
function rangeOf(header: string | undefined, sizeBytes: number): ByteRange | undefined {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (from === "" && to === "") return undefined;
  const first = from === "" ? Math.max(0, sizeBytes - Number(to)) : Number(from);
  const last = from === "" || to === "" ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (first <= last) return { first, last };
  throw new RuntimeError("object.range_unsatisfiable", `The object has ${sizeBytes} bytes.`, {
    status: 416,
    details: { size_bytes: sizeBytes },
  });
}
