import { attachmentNamed } from "../../content-disposition.ts";
import { RuntimeError } from "../../errors.ts";
import type { ByteRange, ObjectStore, ServedObjects } from "../../ports/object-store.ts";
import { drain, type HttpRequest } from "../http-request.ts";
import type { Router } from "../router.ts";
import { SANDBOX_HEADERS } from "./artifact-payload.ts";

/**
 * Where signed URLs of a store lead that has no server of its own. They are whole as they are given out, so they are no part
 * of the documented API; what they prove is checked by the store.
 */
export function addServedObjectRoutes(router: Router, objects: ObjectStore, served: ServedObjects): void {
  const paths = `${served.root}*`;
  router.route("PUT", paths, async ({ request }) => {
    const declared = request.header("content-length");
    try {
      await served.put(urlOf(request), {
        contentType: request.header("content-type"),
        sizeBytes: declared === undefined ? undefined : Number(declared),
        source: request.chunks(),
      });
    } catch (error) {
      await drain(request);
      throw error;
    }
    return { status: 200, headers: {} };
  });

  router.route("GET", paths, async ({ request }) => {
    const { path, sizeBytes, contentType, filename } = await served.get(urlOf(request));
    const range = rangeOf(request.header("range"), sizeBytes);
    const length = range === undefined ? sizeBytes : range.last - range.first + 1;
    return {
      status: range === undefined ? 200 : 206,
      headers: {
        "content-type": contentType,
        "content-length": String(length),
        "content-disposition": attachmentNamed(filename),
        "accept-ranges": "bytes",
        ...(range === undefined ? {} : { "content-range": `bytes ${range.first}-${range.last}/${sizeBytes}` }),
        ...SANDBOX_HEADERS,
      },
      body: await objects.read(path, range),
    };
  });
}

function urlOf(request: HttpRequest): URL {
  return new URL(request.path + request.search, request.origin());
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
    headers: { "content-range": `bytes */${sizeBytes}` },
  });
}
