import * as z from "zod";

import { jsonObject, type JsonObject, jsonValue } from "../../shared/json.ts";
import { intent, type IntentBuilder } from "../../shared/sagas/intent.ts";

/** Begins an intent that takes and returns any JSON object. */
export function plainIntent(type: `${string}.${string}`): IntentBuilder<JsonObject, JsonObject, unknown> {
  const input = z.object({}).catchall(jsonValue);
  return intent<JsonObject, JsonObject>(type, { version: 1, description: "for tests", input, output: jsonObject });
}
