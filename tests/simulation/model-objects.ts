import { notFound } from "../../shared/errors.ts";
import { sha256 } from "../../shared/json.ts";
import type { ObjectStore } from "../../shared/ports/object-store.ts";
import type { Io } from "../model/model-store.ts";

/** Objects in memory. */
export class ModelObjects {
  readonly #objects = new Map<string, Uint8Array>();

  through(io: Io): ObjectStore {
    return {
      storageType: "files",
      write: async ({ directory, extension }, source) => {
        const bytes = Buffer.concat(await Array.fromAsync(source));
        const digest = sha256(bytes);
        const path = `${directory}/${digest}.${extension}`;
        return io({ name: `write object ${path}`, kind: "write" }, () => {
          this.#objects.set(path, bytes);
          return { path, sizeBytes: bytes.length, sha256: digest };
        });
      },
      read: (path) => io({ name: `read object ${path}`, kind: "read" }, () => chunksOf(this.#get(path))),
      size: (path) => io({ name: `size ${path}`, kind: "read" }, () => this.#objects.get(path)?.length),
      delete: (path) => io({ name: `delete ${path}`, kind: "write" }, () => void this.#objects.delete(path)),
      deleteBelow: (directory) =>
        io({ name: `delete below ${directory}`, kind: "write" }, () => {
          for (const path of this.#objects.keys()) if (path.startsWith(`${directory}/`)) this.#objects.delete(path);
        }),
      uri: (path) => `memory:${path}`,
      ping: () => Promise.resolve(),
      // No plan of the simulation uploads or hands out links.
      adopt: (path) => Promise.reject(notFound("object", path)),
      spend: (path) => Promise.reject(notFound("object", path)),
      signUpload: ({ path }) => Promise.reject(notFound("object", path)),
      signDownload: ({ path }) => Promise.reject(notFound("object", path)),
      served: undefined,
    };
  }

  #get(path: string): Uint8Array {
    const bytes = this.#objects.get(path);
    if (bytes === undefined) throw notFound("object", path);
    return bytes;
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}
