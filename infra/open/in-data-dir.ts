import { RuntimeError } from "../../shared/errors.ts";

/** Throws `config.data_dir_unusable` when the files in the data folder cannot be opened. */
export function inDataDir<File>(dataDir: string, open: () => File): File {
  try {
    return open();
  } catch (cause) {
    if (cause instanceof RuntimeError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RuntimeError("config.data_dir_unusable", `DATA_DIR=${dataDir} cannot be used: ${reason}.`, { cause });
  }
}
