import * as z from "zod";

import { RuntimeError } from "../../shared/errors.ts";
import type { Connection } from "./connection.ts";
import { printable } from "./terminal.ts";

/** A new session, remembered for what comes after. */
export async function newSession({ api, remembered }: Connection): Promise<string> {
  const { session_id } = await api.post("/session/create", z.object({ session_id: z.string() }), {});
  await remembered.amend({ session_id });
  return session_id;
}

/** Calls with the session; when that is over, once more with a new one. */
export async function inLiveSession<Answer, Id extends string | undefined>(
  connection: Connection,
  sessionId: Id,
  note: (line: string) => void,
  call: (sessionId: Id | string) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await call(sessionId);
  } catch (error) {
    if (!isGone(error)) throw error;
    note(`The session${sessionId === undefined ? "" : ` ${printable(sessionId)}`} is over; a new one is created.`);
    return call(await newSession(connection));
  }
}

function isGone(error: unknown): boolean {
  return error instanceof RuntimeError && (error.code === "session.not_found" || error.code === "session.not_active");
}
