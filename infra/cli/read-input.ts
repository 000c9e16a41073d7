import { readFile } from "node:fs/promises";

import { type JsonObject, type JsonValue, jsonObject } from "../../shared/json.ts";
import { lostNumberIn } from "../../shared/lost-number.ts";
import { usageError } from "./exit-codes.ts";
import type { Surroundings } from "./command.ts";

export interface InputChoice {
  readonly input: string | undefined;
  readonly file: string | undefined;
  /** `-` for stdin. */
  readonly dash: string | undefined;
}

export const INPUT_FLAGS = {
  input: { type: "string", value: "JSON", about: "the input itself" },
  file: { type: "string", value: "PATH", about: "a file that has it; - is stdin" },
} as const;

/** The JSON that somebody gave by --input, --file or -; undefined for none. Throws `cli.usage`. */
export async function readInput(
  choice: InputChoice,
  { stdin }: Pick<Surroundings, "stdin">,
): Promise<JsonValue | undefined> {
  if (choice.dash !== undefined && choice.dash !== "-")
    throw usageError(`"${choice.dash}" is no way to give input: use --input '{...}', --file PATH, or - for stdin.`);
  const ways = [choice.input, choice.file, choice.dash].filter((way) => way !== undefined);
  if (ways.length > 1) throw usageError("Give the input once: by --input, by --file, or - for stdin.");
  if (choice.input !== undefined) return parse(choice.input, "--input");
  if (choice.dash !== undefined || choice.file === "-") {
    if (stdin.isTTY === true)
      throw usageError("- reads JSON from stdin, and stdin is the terminal: pipe it in, or use --input.");
    return parse(Buffer.concat(await Array.fromAsync(stdin)).toString(), "stdin");
  }
  if (choice.file === undefined) return undefined;
  let text: string;
  try {
    text = await readFile(choice.file, "utf8");
  } catch (error) {
    throw usageError(`${choice.file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
  return parse(text, choice.file);
}

/** As `readInput`, for what must be an object; `{}` when nothing is given. */
export async function readObject(choice: InputChoice, surroundings: Pick<Surroundings, "stdin">): Promise<JsonObject> {
  const object = jsonObject.safeParse((await readInput(choice, surroundings)) ?? {});
  if (object.success) return object.data;
  throw usageError('The input must be a JSON object, such as \'{"file_id":"…"}\'.');
}

function parse(text: string, from: string): JsonValue {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    throw usageError(`${from} is no JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
  const lost = lostNumberIn(text);
  if (lost === undefined) return value;
  throw usageError(`${from} has the number ${lost}, which would lose digits on its way: write it as text.`);
}
