import { items } from "./pages.ts";
import { problemOf, unreachable } from "./problem-error.ts";
import type { CallOptions, Transport } from "./transport.ts";
import type { Artifact, ArtifactSummary, ArtifactWithPayload, LifecycleState } from "./wire-types.ts";

export interface ArtifactFilter extends CallOptions {
  readonly artifactType?: string | undefined;
  /** Default READY. */
  readonly lifecycleState?: LifecycleState | undefined;
  /** The name of an intent that is to take them as its input. */
  readonly eligibleFor?: string | undefined;
  readonly pageSize?: number | undefined;
}

/** Results of executions. */
export interface Artifacts {
  /** The record with its payload: inline up to 1 MiB, behind `payload_url` above. */
  get(artifactId: string, options?: CallOptions): Promise<ArtifactWithPayload>;
  /** The record of one that is ready to be used. Throws `artifact.not_found`, also for one of another type. */
  resolve(artifactId: string, artifactType: string, options?: CallOptions): Promise<Artifact>;
  /** Newest first. */
  list(filter?: ArtifactFilter): AsyncIterable<ArtifactSummary>;
  /** The bytes as they are stored, as a stream; large ones come from the object store, by the signed URL. */
  download(artifactId: string, options?: CallOptions): Promise<Response>;
}

export function createArtifacts(transport: Transport, tenantId: string): Artifacts {
  const tenant = { tenant_id: tenantId };
  const pathOf = (artifactId: string) => `/artifacts/${encodeURIComponent(artifactId)}`;
  const get = (artifactId: string, { signal }: CallOptions = {}): Promise<ArtifactWithPayload> =>
    transport.json({ path: pathOf(artifactId), query: tenant, signal, repeatable: true });

  return {
    get,
    resolve: (artifactId, artifactType, { signal } = {}) =>
      transport.json({
        method: "POST",
        path: "/artifact/resolve",
        body: { ...tenant, artifact_id: artifactId, artifact_type: artifactType },
        signal,
        repeatable: true,
      }),
    list: ({ artifactType, lifecycleState, eligibleFor, pageSize, signal } = {}) =>
      items(transport, "artifacts", {
        method: "POST",
        path: "/artifact/list",
        body: {
          ...tenant,
          artifact_type: artifactType,
          lifecycle_state: lifecycleState,
          eligible_for: eligibleFor,
          limit: pageSize,
        },
        signal,
      }),
    download: async (artifactId, { signal } = {}) => {
      const { payload_url: url } = await get(artifactId, { signal });
      if (url === undefined)
        return transport.response({ path: `${pathOf(artifactId)}/payload`, query: tenant, signal, repeatable: true });
      return fetchSigned(transport, url, signal === undefined ? {} : { signal });
    },
  };
}

/** A request to a signed URL, which proves itself: our token is none of the object store's business. */
export async function fetchSigned({ host }: Transport, url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await host.fetch(url, init);
  } catch (error) {
    init.signal?.throwIfAborted();
    throw unreachable(new URL(url).origin, error);
  }
  if (!response.ok) throw await problemOf(response, host.clock.now());
  return response;
}
