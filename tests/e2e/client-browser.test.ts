import { spawn } from "node:child_process";
import { once } from "node:events";
import { createContext, runInContext } from "node:vm";

import { afterEach, expect, it } from "vitest";
import * as z from "zod";

import { findChromium } from "../../infra/dev/parts/find-parts.ts";
import { withParts } from "../kit/parts.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";
import { send } from "./client.ts";
import { type PageServer, servePage, told } from "./client-page.ts";
import { runtimeProcesses } from "./runtime-process.ts";

const WITHIN_MS = 40_000;
/** What a page has of the web, and nothing of Node. */
const WEB = { AbortController, AbortSignal, Blob, File, Headers, Request, Response, TextDecoder, URL, URLSearchParams };
const WEB_FUNCTIONS = { clearTimeout, crypto, fetch, setTimeout };

const runtimes = runtimeProcesses();
let page: PageServer | undefined;

afterEach(async () => {
  await page?.close();
  page = undefined;
});

async function open(tenantId: string): Promise<PageServer> {
  page = await servePage(tenantId, async (origin) => {
    const { url } = await runtimes.start({ env: { CORS_ORIGINS: origin } });
    const answer = await send(url, { method: "POST", path: "/dev/token", body: { tenant_id: tenantId } });
    return { runtimeUrl: url, token: answer.as(z.object({ token: z.string() })).token };
  });
  return page;
}

async function expectWorked({ result }: PageServer): Promise<void> {
  const late = new Promise((resolve) => setTimeout(resolve, WITHIN_MS, "The page told nothing."));
  const { told: said } = told.parse(await Promise.race([result, late]));
  expect(said).toMatchObject({ downloaded: "a,b\n1,2\n", listed: 2, code: "request.invalid" });
  expect(said.events.at(0)).toBe("intent_received");
  expect(said.events.at(-1)).toBe("execution_completed");
}

it("works with nothing but what the web has", async () => {
  const opened = await open("bare");
  runInContext(opened.script, createContext({ ...WEB, ...WEB_FUNCTIONS }));
  await expectWorked(opened);
});

withParts(["chromium"], () => {
  it("works in a page in Chromium, whose origin is not the runtime's", async () => {
    const opened = await open("chromium");
    await using folder = await temporaryFolder();
    const program = await findChromium();
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", `--user-data-dir=${folder.path}`];
    const browser = spawn(program ?? "chromium", [...flags, opened.url], { stdio: "ignore" });
    try {
      await expectWorked(opened);
    } finally {
      browser.kill("SIGKILL");
      await once(browser, "close");
    }
  });
});
