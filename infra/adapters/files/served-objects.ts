import { notFound, RuntimeError } from "../../../shared/errors.ts";
import type { ServedObjects } from "../../../shared/ports/object-store.ts";
import { type ObjectFiles, unavailable } from "./object-files.ts";
import type { SignedPaths } from "./signed-paths.ts";

export interface ServedFilesDeps {
  readonly root: string;
  readonly files: ObjectFiles;
  readonly paths: SignedPaths;
}

/** The runtime as the place where signed URLs lead: uploads and downloads of files, streamed. */
export function createServedFiles({ root, files, paths }: ServedFilesDeps): ServedObjects {
  const put: ServedObjects["put"] = async (url, { contentType, sizeBytes, source }) => {
    const leave = await paths.checkPut(url);
    if (contentType !== leave.contentType) {
      throw new RuntimeError("upload.wrong_type", `Send it with content-type: ${leave.contentType}.`, {
        status: 415,
      });
    }
    if (sizeBytes !== undefined && sizeBytes !== leave.sizeBytes) throw wrongSize(leave.sizeBytes);
    const place = files.locate(leave.path);
    // Asked before a gigabyte is taken in for nothing; what decides is `publishNew`.
    if ((await files.sizeAt(place)) !== undefined) throw alreadyComplete();
    const received = await files.receive(exactly(leave.sizeBytes, source));
    if ((await files.publishNew(received.part, place)) === "taken") throw alreadyComplete();
  };

  return {
    root,
    put: async (url, body) => {
      await put(url, body).catch((error: unknown) => {
        throw unavailable(error);
      });
    },
    get: async (url) => {
      const leave = await paths.checkGet(url);
      const sizeBytes = await files.sizeAt(files.locate(leave.path));
      if (sizeBytes === undefined) throw notFound("object", leave.path);
      return { path: leave.path, sizeBytes, contentType: leave.contentType, filename: leave.filename };
    },
  };
}

/** Passes on the bytes and throws `upload.wrong_size` at the first one too many, or at the end when some are missing. */
async function* exactly(sizeBytes: number, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let seenBytes = 0;
  for await (const chunk of source) {
    seenBytes += chunk.length;
    if (seenBytes > sizeBytes) throw wrongSize(sizeBytes);
    yield chunk;
  }
  if (seenBytes < sizeBytes) throw wrongSize(sizeBytes);
}

function wrongSize(sizeBytes: number): RuntimeError {
  return new RuntimeError("upload.wrong_size", `This upload is for exactly ${sizeBytes} bytes.`, {
    status: 422,
    details: { size_bytes: sizeBytes },
  });
}

function alreadyComplete(): RuntimeError {
  return new RuntimeError("upload.already_complete", "This upload is complete; ask for a new URL to send another.", {
    status: 409,
  });
}
