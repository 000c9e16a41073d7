import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";

/** Contents by absolute path. */
export type BuiltFiles = ReadonlyMap<string, Uint8Array>;

/**
 * Makes a folder hold exactly these files. What is as it should be stays untouched, and what changes is replaced whole: two
 * packings at once do not take each other's files away.
 */
export async function placeFiles(folder: string, files: BuiltFiles): Promise<void> {
  await Promise.all(
    [...files].map(async ([file, contents]) => {
      const present = await readFile(file).catch(() => undefined);
      if (present?.equals(contents) === true) return;
      await mkdir(path.dirname(file), { recursive: true });
      const draft = `${file}.${process.pid}`;
      await writeFile(draft, contents);
      await rename(draft, file);
    }),
  );
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  await Promise.all(
    found
      .filter((entry) => entry.isFile() && /\.m?[jt]s$/.test(entry.name))
      .map((entry) => path.join(entry.parentPath, entry.name))
      .filter((file) => !files.has(file))
      .map((file) => rm(file, { force: true })),
  );
}
