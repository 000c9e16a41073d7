import type { Command } from "./command.ts";
import { completionFor } from "./commands/completion.ts";
import { cancel, fork, retry, signal } from "./commands/control.ts";
import { dev } from "./commands/dev.ts";
import { intents } from "./commands/intents.ts";
import { pending, takeUp } from "./commands/pending.ts";
import { replay } from "./commands/replay.ts";
import { status } from "./commands/status.ts";
import { submit } from "./commands/submit.ts";
import { token } from "./commands/token.ts";
import { verifyWal } from "./commands/verify-wal.ts";
import { wal } from "./commands/wal.ts";
import { watch } from "./commands/watch.ts";

/** Every command, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  dev,
  intents,
  submit,
  status,
  watch,
  cancel,
  retry,
  fork,
  signal,
  pending,
  takeUp,
  wal,
  replay,
  verifyWal,
  token,
  completionFor(() => COMMANDS),
];
