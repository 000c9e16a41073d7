// Runs before npm scripts: brings node_modules into the state that package-lock.json describes, or does nothing, silently.
// Plain JavaScript without dependencies, because it must run on the machine's own Node (18 or later) when nothing is
// installed yet. Everything after it runs on the Node that the dev dependency `node` brings.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR = "v24.";
const LOCK_WAIT_MS = 600_000;
const LOCK_WITHOUT_OWNER_MS = 10_000;
const TAIL_LINES = 25;

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const modules = path.join(root, "node_modules");
const stamp = path.join(modules, ".installed-from");
const lock = path.join(root, ".symphainy", "install.lock");

if (!isInstalled()) withLock(() => isInstalled() || install());

function isInstalled() {
  const wanted = readFileSync(path.join(root, "package-lock.json"), "utf8");
  const digest = createHash("sha256").update(wanted).digest("hex");
  if (read(stamp) !== digest) {
    if (!matchesByHand(JSON.parse(wanted))) return false;
    writeFileSync(stamp, digest);
  }
  return hasRightNode();
}

/** Whether somebody's own `npm install` or `npm ci` already left exactly the packages of the lock file. */
function matchesByHand(wanted) {
  const found = read(path.join(modules, ".package-lock.json"));
  if (found === undefined) return false;
  const installed = JSON.parse(found).packages;
  return Object.entries(wanted.packages).every(([place, entry]) => {
    if (place === "") return true;
    const present = installed[place];
    return present === undefined ? entry.optional === true : present.version === entry.version;
  });
}

function hasRightNode() {
  const node = path.join(modules, ".bin", process.platform === "win32" ? "node.cmd" : "node");
  if (!existsSync(node)) return false;
  if (realpathSync(node) === process.execPath) return process.version.startsWith(NODE_MAJOR);
  const answer = spawnSync(node, ["--version"], { encoding: "utf8", shell: process.platform === "win32" });
  return answer.status === 0 && answer.stdout.startsWith(NODE_MAJOR);
}

function install() {
  process.stderr.write("Installing dependencies with npm ci ... ");
  const started = Date.now();
  const result = npm(["ci", "--no-audit", "--no-fund"]);
  if (result.status === 0 && isInstalled()) {
    process.stderr.write(`done in ${Math.round((Date.now() - started) / 1000)} s\n`);
    return;
  }
  const output = withoutUsage(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`).trimEnd();
  const reason = result.status === 0 ? "npm ci ended well, yet the packages or Node 24 are missing" : "npm ci failed";
  process.stderr.write(`failed\n\n${output.split("\n").slice(-TAIL_LINES).join("\n")}\n\n`);
  process.stderr.write(`${reason}; the end of its output is above. Mend the cause, then run the same command again.\n`);
  process.exitCode = 1;
}

/** npm follows some errors with the manual of its command, which would push the error itself out of sight. */
function withoutUsage(output) {
  return output.replace(/^npm error (?:Clean install a project|Usage:)\n[^]*?^npm error Run "npm help ci".*\n/m, "");
}

/** Runs the npm that runs this script, or the one in PATH when called without npm. */
function npm(args) {
  const options = { cwd: root, encoding: "utf8", maxBuffer: 1e8 };
  const own = process.env.npm_execpath;
  return own?.endsWith("npm-cli.js")
    ? spawnSync(process.execPath, [own, ...args], options)
    : spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
}

/** Calls `work` while no other process on this machine does; takes over from one that died. */
function withLock(work) {
  mkdirSync(path.dirname(lock), { recursive: true });
  for (const deadline = Date.now() + LOCK_WAIT_MS; !acquire(); sleep(200)) {
    if (Date.now() > deadline) throw new Error(`Another install still holds ${lock}; remove it if none is running.`);
  }
  try {
    work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function acquire() {
  try {
    mkdirSync(lock);
    writeFileSync(path.join(lock, "pid"), String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (ownerIsGone()) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function ownerIsGone() {
  const pid = Number(read(path.join(lock, "pid")) ?? 0);
  try {
    if (pid === 0) return Date.now() - statSync(lock).mtimeMs > LOCK_WITHOUT_OWNER_MS;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function sleep(delayMs) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
}
