import { spawn } from "node:child_process";
import { Socket } from "node:net";

/** Waits for its input to end, which it does when the process that holds the other end is gone, then kills. */
const SCRIPT = 'read -r _; kill -9 "$1" 2>/dev/null';

/**
 * Sees to it that another process does not outlive this one, also when this one is killed and cannot do anything itself.
 * The guard is a shell of a megabyte; it goes when the process that it watches has ended.
 */
export function endWithThisProcess(pid: number, ended: Promise<void>): void {
  // In a group of its own, so that the Ctrl-C of a terminal does not reach it.
  const guard = spawn("sh", ["-c", SCRIPT, "guard", String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  guard.unref();
  // A pipe that is left open does not keep this process from ending.
  if (guard.stdin instanceof Socket) guard.stdin.unref();
  void ended.then(() => guard.kill("SIGKILL"));
}
