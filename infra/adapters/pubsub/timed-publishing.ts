import { rfc3339 } from "../../../shared/clock.ts";
import { RuntimeError } from "../../../shared/errors.ts";
import { sha256 } from "../../../shared/json.ts";
import { googleAuthorization } from "./google-authorization.ts";
import { createRestCalls } from "./rest-calls.ts";

const SERVICE_URL = "https://cloudtasks.googleapis.com";
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const CREATE_TIMEOUT_MS = 5_000;
/** Answers of Cloud Tasks to a new task: it is there now, or a task of that name is or was. */
const TAKEN: ReadonlySet<number> = new Set([200, 409]);

export interface TimedPublishingOptions {
  /** `projects/P/locations/L/queues/Q`. */
  readonly queue: string;
  /** In whose name it is published; whoever makes tasks must be allowed to act as it. */
  readonly serviceAccount: string;
  /** `host:port` of a stand-in; absent means Google's own service. */
  readonly emulatorHost?: string | undefined;
}

/** A request to Pub/Sub that is to be made at a time. */
export interface TimedRequest {
  readonly url: string;
  readonly body: string;
  readonly atMs: number;
  /** Requests of one name are one. */
  readonly name: string;
}

/**
 * Publishing at a time: a task of Cloud Tasks that calls Pub/Sub's REST interface when it is due, so that a message of later takes the
 * same way as one of now. By REST: two calls are no reason for a client library.
 * https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks
 */
export function createTimedPublishing(
  { queue, serviceAccount, emulatorHost }: TimedPublishingOptions,
  projectId: string,
  publishScope: string,
) {
  const calls = createRestCalls(
    emulatorHost === undefined
      ? { url: SERVICE_URL, authorization: googleAuthorization(projectId, SCOPE) }
      : { url: `http://${emulatorHost}` },
  );
  return {
    /** Resolves when the task is there. Throws `timers.unavailable` (503, retryable). */
    post: async ({ url, body, atMs, name }: TimedRequest): Promise<void> => {
      const httpRequest = {
        url,
        httpMethod: "POST",
        headers: { "Content-Type": "application/json" },
        body: Buffer.from(body).toString("base64"),
        oauthToken: { serviceAccountEmail: serviceAccount, scope: publishScope },
      };
      // A digest: names that begin alike would all go to one place of the queue.
      const task = { name: `${queue}/tasks/${sha256(name)}`, scheduleTime: rfc3339(Math.ceil(atMs)), httpRequest };
      const creating = calls.call("POST", `/v2/${queue}/tasks`, JSON.stringify({ task }), CREATE_TIMEOUT_MS);
      const answer = await creating.catch((cause: unknown) => {
        throw timersUnavailable("it did not answer in time", cause);
      });
      if (!TAKEN.has(answer.status)) throw timersUnavailable(`it answered ${answer.status}`, answer.body.slice(0, 500));
    },
    close: () => calls.close(),
  };
}

function timersUnavailable(reason: string, cause: unknown): RuntimeError {
  return new RuntimeError("timers.unavailable", `Cloud Tasks did not take a timer: ${reason}.`, {
    status: 503,
    retryable: true,
    cause,
  });
}
