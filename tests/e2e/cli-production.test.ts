import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Role } from "../../shared/roles.ts";
import { claimsOf, startProduction } from "../kit/production.ts";
import { type Issuer, openIssuer, type SignOptions } from "../security/issuer.ts";
import { commandLines } from "./cli-process.ts";
import { type RuntimeProcess, runtimeProcesses } from "./runtime-process.ts";

const processes = runtimeProcesses();
const commandLine = commandLines();
const INPUT = JSON.stringify({ ui_name: "a.csv", content_base64: "YQoxCg==" });

describe("the command line against production mode", () => {
  let issuer: Issuer;
  let runtime: RuntimeProcess;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    issuer = await openIssuer();
    runtime = await startProduction(processes, issuer);
    env = { SYMPHAINY_URL: runtime.url, SYMPHAINY_TENANT: "acme", XDG_STATE_HOME: await processes.folder() };
  });
  afterAll(() => issuer[Symbol.asyncDispose]());

  const tokenOf = (roles: readonly Role[], options?: SignOptions, tenant = "acme"): Promise<string> =>
    issuer.sign(claimsOf(tenant, roles), options);
  const secondsAgo = (seconds: number): number => Math.floor(Date.now() / 1_000) - seconds;

  it("works with the issuer's token from SYMPHAINY_TOKEN, and with --token before it", async () => {
    const cli = commandLine({ ...env, SYMPHAINY_TOKEN: await tokenOf(["submitter"]) });
    const run = await cli.run(["submit", "content.ingest_file", "--wait", "--input", INPUT]);
    expect([run.code, run.stderr]).toEqual([0, ""]);
    expect(JSON.parse(run.stdout)).toMatchObject({ size_bytes: 4 });
    expect(await cli.run(["verify-wal"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("every hash holds"),
    });
    const stale = commandLine({ ...env, SYMPHAINY_TOKEN: await tokenOf(["viewer"], { expires: secondsAgo(60) }) });
    const given = await stale.run(["status", "--token", await tokenOf(["viewer"])]);
    expect(given).toMatchObject({ code: 0, stdout: expect.stringContaining("content.ingest_file") });
  });

  it("says of an expired token when it expired and what to do, and ends with 4", async () => {
    const token = await tokenOf(["operator"], { expires: Date.UTC(2026, 0, 2, 3, 4, 5) / 1_000 });
    const { code, stdout, stderr } = await commandLine({ ...env, SYMPHAINY_TOKEN: token }).run(["status"]);
    expect([code, stdout]).toEqual([4, ""]);
    expect(stderr).toContain("code auth.bad_token");
    expect(stderr).toContain("It expired at 2026-01-02T03:04:05.000Z");
    expect(stderr).toContain("SYMPHAINY_TOKEN");
    expect(stderr).not.toContain(token);
    const json = await commandLine({ ...env, SYMPHAINY_TOKEN: token }).run(["status", "--json"]);
    expect(json.code).toBe(4);
    expect(JSON.parse(json.stderr)).toMatchObject({ code: "auth.bad_token", status: 401, exit_code: 4 });
  });

  it("ends with 4 and says why, without a token, with another's, and with one that may not do this", async () => {
    const cases = [
      [undefined, ["status"], /not in dev mode and hands out no tokens: give yours by SYMPHAINY_TOKEN/],
      [
        await tokenOf(["operator"], { audience: "others" }),
        ["status"],
        /Get a token for this runtime from your identity provider/,
      ],
      [await tokenOf(["operator"], {}, "globex"), ["status"], /The token is another tenant's than/],
      [
        await tokenOf(["viewer"]),
        ["submit", "content.ingest_file", "--input", INPUT],
        /needs the role submitter[^]*ask who issues it/i,
      ],
    ] as const;
    for (const [token, args, why] of cases) {
      const cli = commandLine({ ...env, ...(token === undefined ? {} : { SYMPHAINY_TOKEN: token }) });
      const { code, stdout, stderr } = await cli.run(args);
      expect([code, stdout, stderr]).toEqual([4, "", expect.stringMatching(why)]);
    }
  });

  it("ends with 3 while the issuer cannot be asked about a token", async () => {
    const cold = await openIssuer();
    const token = await cold.sign(claimsOf("acme", ["viewer"]));
    cold.behave("away");
    const own = await startProduction(processes, cold);
    const { code, stderr } = await commandLine({ ...env, SYMPHAINY_URL: own.url, SYMPHAINY_TOKEN: token }).run([
      "status",
    ]);
    await cold[Symbol.asyncDispose]();
    expect([code, stderr]).toEqual([3, expect.stringContaining("code auth.")]);
  });
});
