import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { jobs } from "../../functions/platform/jobs.ts";
import { functionSpecs } from "../../infra/build/functions.ts";
import { buildImageFolder } from "../../infra/build/image.ts";
import { functionsManifest } from "../../infra/build/manifest.ts";
import { freePort, type Part, startPart } from "../../infra/dev/parts/part.ts";
import { isRunnerHealthy } from "../../infra/dev/parts/wasm-runner.ts";
import { withParts } from "../kit/parts.ts";
import { type TemporaryFolder, temporaryFolder } from "../kit/temporary-folder.ts";
import { pdfOf } from "../unit/content/pdf-fixture.ts";
import { echoedBy } from "../kit/wasm/remote-echo.ts";
import { commandIn, buildOciImage, INSTALLERS, type OciImage } from "./oci-image.ts";
import { type BuiltImage, buildImage, documentedCommands } from "./built-image.ts";
import { connect, shapes } from "./client.ts";
import { REPOSITORY } from "./runtime-process.ts";

/** Debian's nobody: neither root nor the owner of anything in the image, as the image's own user is. */
const NOBODY = process.getuid?.() === 0 ? 65_534 : undefined;
const LOOPBACK_ONLY = join(REPOSITORY, "infra/serve/loopback-only.ts");

describe("the image, built by its Dockerfile's instructions in an empty folder", () => {
  let folder: TemporaryFolder;
  let image: BuiltImage;
  let env: Readonly<Record<string, string>>;
  const started: Part[] = [];

  beforeAll(async () => {
    folder = await temporaryFolder();
    const data = join(folder.path, "data");
    await buildImageFolder(join(folder.path, "dist"), functionSpecs());
    await mkdir(data);
    await Promise.all([chmod(folder.path, 0o755), chmod(data, 0o777)]);
    image = await buildImage(join(folder.path, "dist"), join(folder.path, "app"));
    env = { ...image.env, MODE: "dev", DATA_DIR: data };
  });
  afterAll(async () => {
    await Promise.all(started.map((part) => part.stop()));
    await folder[Symbol.asyncDispose]();
  });

  const start = async (
    command: readonly string[],
    more: Readonly<Record<string, string>> = {},
    onLine: (line: string) => void = () => undefined,
  ) => {
    const [program, ...args] = command;
    expect(program).toBe("node");
    const port = await freePort();
    const part = await startPart({
      name: command.join(" "),
      program: process.execPath,
      args: () => args,
      cwd: image.folder,
      uid: NOBODY,
      env: { ...env, PORT: String(port), ...more },
      port,
      onLine,
      isReady: async () => (await fetch(`http://127.0.0.1:${port}/health`)).ok,
    });
    started.push(part);
    return { ...part, url: `http://127.0.0.1:${port}` };
  };

  it("holds no packages but those with compiled parts, and serves each function by the entry as written and the function's name, as no special user", async () => {
    const packages = await readdir(join(image.folder, "node_modules"));
    // DuckDB's engine, and what finds the right one for the platform.
    expect(packages.toSorted()).toEqual(["@duckdb", "detect-libc"]);
    const api = await start([...image.entrypoint, "runtime_api"]);
    const ingest = await start([...image.entrypoint, "ingest_file"]);
    const client = await connect(api.url);
    const content_base64 = Buffer.from("name,age\nAda,36\n").toString("base64");
    const body = {
      tenant_id: "acme",
      session_id: client.sessionId,
      parameters: { ui_name: "people.csv", content_base64 },
    };
    const headers = { authorization: `Bearer ${client.token}`, "content-type": "application/json" };
    const answer = await fetch(`${ingest.url}/content/ingest_file`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
    expect(shapes.outcome.parse(await answer.json())).toMatchObject({ status: "completed" });
    expect((await fetch(`${api.url}/console`)).status).toBe(200);
  });

  /** Has intents done in one session, each by its own function. */
  const sessionOfFunctions = async () => {
    const api = await start([...image.entrypoint, "runtime_api"]);
    const client = await connect(api.url);
    const headers = { authorization: `Bearer ${client.token}`, "content-type": "application/json" };
    const run = async (name: string, route: string, parameters: object) => {
      const part = await start([...image.entrypoint, name]);
      const body = JSON.stringify({ tenant_id: "acme", session_id: client.sessionId, parameters });
      const answer = await fetch(`${part.url}/${route}`, { method: "POST", headers, body });
      const text = await answer.text();
      await part.stop();
      expect([name, answer.status, text]).toEqual([name, 200, expect.any(String)]);
      return shapes.outcome.parse(JSON.parse(text)).output as Readonly<Record<string, unknown>>;
    };
    /** Takes a file in, has its use allowed, and parses it. */
    const parse = async (ui_name: string, bytes: Buffer) => {
      const content_base64 = bytes.toString("base64");
      const taken = await run("ingest_file", "content/ingest_file", { ui_name, content_base64 });
      const { file_id, boundary_contract_id } = taken;
      await run("save_materialization", "content/save_materialization", { file_id, boundary_contract_id });
      return run("parse_content", "content/parse_content", { file_id });
    };
    return { run, parse };
  };

  it("reads a PDF, in a thread whose code lies beside the bundle", async () => {
    const { parse } = await sessionOfFunctions();
    expect(await parse("a.pdf", pdfOf([[[{ x: 50, text: "Ada Lovelace" }]]]))).toMatchObject({ record_count: 1 });
  });

  it("answers SQL over a file that it took in and parsed, by the engine that lies beside the bundle", async () => {
    const { run, parse } = await sessionOfFunctions();
    const { parsed_file_id } = await parse("people.csv", Buffer.from("name,age\nAda,36\nAlan,41\n"));
    const sql = "SELECT count(*) AS n, max(age) AS oldest FROM people";
    const query = { sql, tables: { people: parsed_file_id } };
    expect(await run("query_data", "insights/query_data", query)).toMatchObject({ rows: [[2, 41]] });
  });

  it("runs guests as it does on Cloud Run, in a process that is given its mode and nothing else", async () => {
    const port = await freePort();
    const { functions } = functionsManifest(functionSpecs());
    const { environment } = functions.find(({ kind }) => kind === "runner") ?? {};
    await using runner = await startPart({
      name: "wasm_runner of the image",
      // Also where the host lets the process go behind others: it may not raise its threads then.
      program: "nice",
      args: () => ["-n", "15", process.execPath, ...image.entrypoint.slice(1), "wasm_runner"],
      cwd: image.folder,
      uid: NOBODY,
      // No test listens on every interface of this machine.
      env: { ...image.env, ...environment, HOST: "127.0.0.1", K_SERVICE: "wasm-runner", PORT: String(port) },
      port,
      isReady: isRunnerHealthy,
    });
    expect(await echoedBy(`http://${runner.host}:${runner.port}`, "[1]")).toBe("[1]");
  });

  it("starts jobs, and stops when it is told to", async () => {
    for (const { name } of jobs) {
      const part = await start([...image.entrypoint, name]);
      const run = await fetch(part.url, { method: "POST" });
      expect([name, run.status]).toEqual([name, 200]);
      await part.stop();
    }
  });

  it("serves a function by functions-framework where its documented command says so", async () => {
    const documented = (await documentedCommands()).find((line) => line.includes("functions-framework")) ?? "";
    const [, command = ""] = /^docker run --entrypoint (.*)$/.exec(documented.replace(" symphainy ", " ")) ?? [];
    // The framework's own program would listen on every interface of this machine.
    const part = await start(command.split(" "), { NODE_OPTIONS: `--import=${LOOPBACK_ONLY}` });
    const health = await fetch(`${part.url}/health`);
    expect(await health.json()).toMatchObject({ status: "healthy" });
  });

  it("says which functions there are when it is given none, or none of them", async () => {
    for (const args of [[], ["../server"], ["nothing"]]) {
      const ends = promisify(execFile)(process.execPath, [...image.entrypoint.slice(1), ...args], {
        cwd: image.folder,
      });
      await expect(ends).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/ingest_file.*runtime_api/) });
    }
  });

  it("does not start in an environment that it cannot work in, and says all that is wrong with it", async () => {
    const ends = promisify(execFile)(process.execPath, [...image.entrypoint.slice(1), "runtime_api"], {
      cwd: image.folder,
      env: { K_SERVICE: "runtime-api", MODE: "production", STORE: "tiered", HOST: "0.0.0.0" },
    });
    await expect(ends).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^(?!RuntimeError)[^]*REDIS_URL[^]*OIDC_ISSUER/),
    });
  });

  it("is compiled ahead: a start takes what was compiled, which its user cannot change; what does not fit is told, and compiled anew", async () => {
    const compiled = join(image.folder, "functions.cjs.compiled");
    const { size, mode, uid } = await stat(compiled);
    expect([size > 1_000_000, mode & 0o022, uid]).toEqual([true, 0, process.getuid?.()]);
    const said: string[] = [];
    const api = await start([...image.entrypoint, "runtime_api"], {}, (line) => void said.push(line));
    await api.stop();
    expect(said.join("\n")).not.toContain("does not fit");

    const whole = await readFile(compiled);
    await writeFile(compiled, whole.subarray(0, whole.length / 2));
    const again = await start([...image.entrypoint, "runtime_api"], {}, (line) => void said.push(line));
    expect((await fetch(`${again.url}/health`)).status).toBe(200);
    await writeFile(compiled, whole);
    expect(said.join("\n")).toContain("What was compiled ahead does not fit this Node");
  });

  it("stands on the Node that everything is tested with, runs as a user without rights, and keeps nothing that installs", async () => {
    const { devDependencies } = JSON.parse(await readFile(join(REPOSITORY, "package.json"), "utf8")) as {
      readonly devDependencies: Readonly<Record<string, string>>;
    };
    // Its default is told by a tag; a release gives the digest.
    expect(image.instructions.slice(0, 2)).toEqual([
      ["ARG", `NODE_IMAGE=node:${devDependencies["node"]}-bookworm-slim`],
      ["FROM", "${NODE_IMAGE}"],
    ]);
    expect(image.user).toBe("node");
    expect(image.instructions.map(([name]) => name).lastIndexOf("USER")).toBeGreaterThan(
      image.instructions.map(([name]) => name).lastIndexOf("RUN"),
    );
    const removed = image.instructions.find(([name, value]) => name === "RUN" && value.startsWith("rm "))?.[1];
    for (const tool of ["npm", "npx", "corepack", "yarn"]) expect(removed).toMatch(new RegExp(`/bin/${tool}(?: |$)`));
    expect(removed).toContain("/usr/local/lib/node_modules");
  });

  withParts(["buildah"], () => {
    describe("built once more, by a builder of images", () => {
      let built: OciImage;
      beforeAll(async () => {
        built = await buildOciImage(join(folder.path, "dist"), join(folder.path, "oci"));
      });

      const filesOf = async (at: string): Promise<readonly string[]> => {
        const found = await readdir(at, { recursive: true, withFileTypes: true });
        const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
        return files.map((file) => file.slice(at.length + 1));
      };

      it("is what it was by its instructions, and keeps nothing that installs", async () => {
        expect(built).toMatchObject({ user: image.user, entrypoint: image.entrypoint, workdir: "/app" });
        expect((await filesOf(join(built.root, "app"))).toSorted()).toEqual((await filesOf(image.folder)).toSorted());
        for (const file of INSTALLERS) await expect(stat(join(built.root, file))).rejects.toThrow("ENOENT");
      });

      it("serves by its own entry, as its own user, with nothing else of this machine's files, and stops when it is told to", async () => {
        const own = Object.fromEntries(built.env.map((each) => each.split(/=(.*)/s)));
        const [program, ...args] = await commandIn(built, [...built.entrypoint, "runtime_api"]);
        const port = await freePort();
        const part = await startPart({
          name: "the image",
          program,
          args: () => args,
          env: { ...own, MODE: "dev", DATA_DIR: "/tmp/data", PORT: String(port) },
          port,
          isReady: async () => (await fetch(`http://127.0.0.1:${port}/health`)).ok,
        });
        started.push(part);
        expect(await readFile(`/proc/${part.pid}/status`, "utf8")).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
        const client = await connect(`http://127.0.0.1:${port}`);
        expect(client.sessionId).toMatch(/^session_/);
        await part.stop();
      });
    });
  });
});
