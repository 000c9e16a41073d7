import type { JsonObject } from "../../../shared/json.ts";

const TIMEOUT_MS = 5_000;

/** Posts to the control side as this node. Rejects on anything but 200. */
export type PostToControl = (path: string, message: JsonObject) => Promise<void>;

export interface ControlSideDeps {
  readonly url: string;
  /** The token for an audience; undefined where none is asked for. */
  readonly token: (audience: string) => Promise<string | undefined>;
}

export function createControlSide({ url, token }: ControlSideDeps): PostToControl {
  return async (path, message) => {
    const proof = await token(new URL(url).origin);
    const response = await fetch(new URL(path, url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(proof === undefined ? {} : { authorization: `Bearer ${proof}` }),
      },
      body: JSON.stringify(message),
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${url}${path} answered ${response.status}: ${text.slice(0, 500)}`);
  };
}
