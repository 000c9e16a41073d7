import * as z from "zod";

import { jsonObject, type JsonObject, jsonValue } from "../../shared/json.ts";
import { intent, type IntentBuilder, type IntentOptions } from "../../shared/sagas/intent.ts";

type More = Partial<Omit<IntentOptions<JsonObject, JsonObject>, "input" | "output">>;

/** Begins an intent that takes and returns any JSON object. */
export function plainIntent(
  type: `${string}.${string}`,
  more: More = {},
): IntentBuilder<JsonObject, JsonObject, unknown> {
  const input = z.object({}).catchall(jsonValue);
  const options = { version: 1, description: "for tests", input, output: jsonObject, ...more };
  return intent<JsonObject, JsonObject>(type, options);
}
