import { rfc3339 } from "../clock.ts";
import { notFound, RuntimeError } from "../errors.ts";
import type { ArtifactId, ExecutionId } from "../ids.ts";
import type { SubjectBox } from "../state/subject-box.ts";
import type { UnitOfWork } from "../state/unit-of-work.ts";
import type { ArtifactBytes } from "./artifact-bytes.ts";
import { amendArtifact, type ArtifactUpdate, giveUpBytes, moveArtifact, registerArtifact } from "./artifact-changes.ts";
import { type Artifact, artifactKind, type LifecycleState, type Materialization } from "./artifact.ts";
import type { MaterializationDecision } from "./materialization-policy.ts";
import { openParts, sealParts } from "./sealed-artifact.ts";
import type { Upload } from "./upload.ts";

export type ArtifactDraft = Pick<
  Artifact,
  "artifact_id" | "artifact_type" | "semantic_descriptor" | "data_classification"
> &
  Partial<Pick<Artifact, "parent_artifacts" | "materializations" | "visuals" | "metadata">>;

/** Artifacts as one step of one execution sees and changes them. */
export interface ArtifactScope {
  /**
   * The tenant's artifact; throws `artifact.not_found` when it is absent or of another type, and `subject.not_named` (409) when it
   * is of another subject than the execution, or of one where the execution names none.
   */
  get(artifactId: ArtifactId, artifactType: string): Promise<Artifact>;
  /**
   * Registers an artifact of this execution as PENDING: it becomes FAILED if the execution fails before moving it on.
   * Throws `artifact.discarded` for a type that the materialization policy, or the solution's own rule over it, does not keep: return
   * such results as output. A rule is looked up once in a step, and only where the execution has a solution.
   */
  register(draft: ArtifactDraft): Promise<Artifact>;
  amend(artifactId: ArtifactId, update: ArtifactUpdate): Promise<Artifact>;
  move(artifactId: ArtifactId, to: LifecycleState, update?: ArtifactUpdate): Promise<Artifact>;
  /** Writes bytes for an artifact; a record may point at them once this resolves. */
  keep(
    artifact: Pick<Artifact, "artifact_id" | "artifact_type">,
    form: { readonly format: string; readonly contentType: string },
    source: AsyncIterable<Uint8Array>,
  ): Promise<Materialization>;
  read(materialization: Materialization): Promise<AsyncIterable<Uint8Array>>;
  /** Throws `upload.incomplete` (409) as long as the bytes of an upload have not arrived. */
  expectUploaded(upload: Upload): Promise<void>;
  /** Keeps what was uploaded as an artifact's bytes; the upload stays until it is discarded. */
  adopt(
    artifact: Pick<Artifact, "artifact_id" | "artifact_type">,
    form: { readonly format: string; readonly contentType: string },
    upload: Upload,
  ): Promise<Materialization>;
  discardUpload(upload: Upload): Promise<void>;
  /** Lets a DELETED artifact point at no bytes any more: to be erased once that is committed. */
  giveUpBytes(artifactId: ArtifactId): Promise<void>;
  /** Removes bytes that were given up; doing it again is doing it once. */
  erase(artifact: Pick<Artifact, "artifact_id" | "artifact_type">): Promise<void>;
  /** What was made of an artifact, and of that, nearest first, that may still have bytes; at most so many, as it is committed. */
  derivedFrom(artifactId: ArtifactId, most: number): Promise<readonly Artifact[]>;
}

export interface ArtifactScopeDeps {
  readonly unit: UnitOfWork;
  readonly bytes: ArtifactBytes;
  readonly producer: { readonly intentType: string; readonly executionId: ExecutionId };
  readonly nowMs: () => number;
  /** Whether artifacts of a type are kept, for the execution's solution. */
  readonly decide: (artifactType: string) => Promise<MaterializationDecision>;
  /** Of an execution that names a subject: all that it registers is the subject's, and sealed. */
  readonly box?: SubjectBox | undefined;
}

export function createArtifactScope({ unit, bytes, producer, nowMs, decide, box }: ArtifactScopeDeps): ArtifactScope {
  const decided = new Map<string, Promise<MaterializationDecision>>();
  const decisionOf = (artifactType: string): Promise<MaterializationDecision> => {
    const known = decided.get(artifactType) ?? decide(artifactType);
    decided.set(artifactType, known);
    return known;
  };
  const sealed = <Parts extends ArtifactUpdate>(parts: Parts): Parts =>
    box === undefined ? parts : sealParts(box, parts);
  const opened = (artifact: Artifact): Artifact => {
    if (artifact.subject_id !== box?.subjectId) throw notNamed(artifact);
    return box === undefined ? artifact : openParts(box, artifact);
  };
  /** Nothing of a subject's artifact is changed where the subject is not named. */
  const expectNamed = async (artifactId: ArtifactId): Promise<void> => {
    const artifact = await unit.get(artifactKind, artifactId);
    if (artifact !== undefined && artifact.subject_id !== box?.subjectId) throw notNamed(artifact);
  };
  return {
    get: async (artifactId, artifactType) => {
      const artifact = await unit.get(artifactKind, artifactId);
      if (artifact === undefined || artifact.artifact_type !== artifactType) throw notFound("artifact", artifactId);
      return opened(artifact);
    },
    register: async (draft) => {
      if ((await decisionOf(draft.artifact_type)) === "DISCARD") throw discarded(draft.artifact_type);
      const now = rfc3339(nowMs());
      const artifact: Artifact = {
        parent_artifacts: [],
        materializations: [],
        ...sealed({ metadata: {}, ...draft }),
        ...(box === undefined ? {} : { subject_id: box.subjectId }),
        tenant_id: unit.tenantId,
        produced_by: { intent: producer.intentType, execution_id: producer.executionId },
        lifecycle_state: "PENDING",
        created_at: now,
        updated_at: now,
      };
      registerArtifact(unit, artifact);
      return opened(artifact);
    },
    amend: async (artifactId, update) => {
      await expectNamed(artifactId);
      return opened(await amendArtifact(unit, artifactId, rfc3339(nowMs()), sealed(update)));
    },
    move: async (artifactId, to, update = {}) => {
      await expectNamed(artifactId);
      return opened(await moveArtifact(unit, artifactId, to, rfc3339(nowMs()), sealed(update)));
    },
    keep: ({ artifact_id: artifactId, artifact_type: artifactType }, form, source) =>
      bytes.keep(
        { tenantId: unit.tenantId, artifactId, artifactType, ...form },
        box === undefined ? source : box.encrypt(source),
      ),
    read: async (materialization) => {
      const kept = await bytes.read(materialization);
      return box === undefined ? kept : box.decrypt(kept);
    },
    expectUploaded: (upload) => bytes.expectUploaded(upload),
    adopt: async ({ artifact_id: artifactId, artifact_type: artifactType }, form, upload) => {
      if (box !== undefined) throw uploadRefused();
      return bytes.adopt({ tenantId: unit.tenantId, artifactId, artifactType, ...form }, upload);
    },
    discardUpload: (upload) => bytes.discardUpload(upload),
    giveUpBytes: async (artifactId) => {
      await expectNamed(artifactId);
      return giveUpBytes(unit, artifactId, rfc3339(nowMs()));
    },
    erase: (artifact) => bytes.erase(unit.tenantId, artifact),
    derivedFrom: async (artifactId, most) => {
      const { derivedFrom } = await import("./derived-artifacts.ts");
      return derivedFrom(unit, artifactId, most);
    },
  };
}

function discarded(artifactType: string): RuntimeError {
  return new RuntimeError(
    "artifact.discarded",
    `The materialization policy keeps no artifact of type ${artifactType}; return it as the step's output.`,
    { status: 409, details: { artifact_type: artifactType } },
  );
}

function notNamed({ artifact_id }: Artifact): RuntimeError {
  const message = `The artifact ${artifact_id} holds data of another subject than the intent names; name its subject_id.`;
  return new RuntimeError("subject.not_named", message, { status: 409 });
}

/** An upload's bytes and name rest unencrypted before it becomes a file. */
function uploadRefused(): RuntimeError {
  return new RuntimeError("subject.upload_refused", "A subject's file comes inline: an upload is not encrypted.", {
    status: 422,
  });
}
