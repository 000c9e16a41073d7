import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import * as z from "zod";

/** A new task, as Cloud Tasks documents it; whatever else is in it is refused, as by the service. */
const taskSchema = z.strictObject({
  task: z.strictObject({
    name: z.string().regex(/^projects\/[^/]+\/locations\/[^/]+\/queues\/[A-Za-z0-9-]{1,100}\/tasks\/[\w-]{1,500}$/),
    scheduleTime: z.iso.datetime(),
    httpRequest: z.strictObject({
      url: z.url(),
      httpMethod: z.literal("POST"),
      headers: z.record(z.string(), z.string()),
      body: z.base64(),
      oauthToken: z.strictObject({ serviceAccountEmail: z.email(), scope: z.url() }),
    }),
  }),
});
export type StandinTask = z.infer<typeof taskSchema>["task"];

/** Speaks the one call of Cloud Tasks that the runtime makes, and makes the calls of tasks when they are due; it asks for no tokens. */
export interface TasksStandin extends AsyncDisposable {
  /** `host:port`. */
  readonly host: string;
  /** The tasks that were made, in their order; a name that is taken makes none. */
  readonly tasks: readonly StandinTask[];
  /** What the next calls are answered with instead. */
  refuse(status: number | undefined): void;
}

export async function startTasksStandin(): Promise<TasksStandin> {
  const tasks: StandinTask[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let refusal: number | undefined;

  const create = (path: string, body: string): number => {
    if (refusal !== undefined) return refusal;
    const parsed = taskSchema.safeParse(JSON.parse(body));
    if (!parsed.success) return 400;
    const { task } = parsed.data;
    if (path !== `/v2/${task.name.replace(/\/[^/]+$/, "")}`) return 400;
    if (tasks.some(({ name }) => name === task.name)) return 409;
    tasks.push(task);
    const { url, headers, body: content } = task.httpRequest;
    const call = () =>
      void fetch(url, { method: "POST", headers, body: Buffer.from(content, "base64") }).catch(() => undefined);
    // Node's timers take 24 days at the most; no test waits for so long.
    timers.add(setTimeout(call, Math.min(Date.parse(task.scheduleTime) - Date.now(), 2 ** 31 - 1)));
    return 200;
  };

  const server = createServer((request, response) => {
    void text(request).then((body) =>
      response.writeHead(create(request.url ?? "", body), { "content-type": "application/json" }).end("{}"),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    tasks,
    refuse: (status) => {
      refusal = status;
    },
    [Symbol.asyncDispose]: async () => {
      for (const timer of timers) clearTimeout(timer);
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
