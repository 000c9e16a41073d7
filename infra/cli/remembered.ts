import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

import * as z from "zod";

import type { Environment } from "./terminal.ts";

const placeSchema = z.object({ session_id: z.string().optional(), dev_mode_told: z.boolean().optional() });
const fileSchema = z.record(z.string(), placeSchema);
export type Place = Readonly<z.infer<typeof placeSchema>>;

/** What is kept between runs of one runtime and tenant: the session, never a token. */
export interface Remembered {
  read(): Promise<Place>;
  amend(change: Place): Promise<void>;
}

/** Kept in `$XDG_STATE_HOME/symphainy/sessions.json`, by default below ~/.local/state. */
export function rememberedAt(env: Environment, url: string, tenantId: string): Remembered {
  const home = env["XDG_STATE_HOME"] ?? path.join(homedir(), ".local", "state");
  const file = path.join(home, "symphainy", "sessions.json");
  const key = `${tenantId} ${url}`;
  const readAll = async (): Promise<Record<string, Place>> => {
    try {
      return fileSchema.parse(JSON.parse(await readFile(file, "utf8")));
    } catch {
      // Absent or spoilt: a new session costs little, and the file is written anew.
      return {};
    }
  };
  return {
    read: async () => (await readAll())[key] ?? {},
    amend: async (change) => {
      const all = await readAll();
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
      // Renamed into place: two runs at once leave one of two whole files.
      const draft = `${file}.${process.pid}`;
      await writeFile(draft, `${JSON.stringify({ ...all, [key]: { ...all[key], ...change } }, undefined, 2)}\n`, {
        mode: 0o600,
      });
      await rename(draft, file);
    },
  };
}
