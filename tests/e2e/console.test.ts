import { hash } from "node:crypto";

import { describe, expect, it } from "vitest";

import { withParts } from "../kit/parts.ts";
import { type BrowserPage, openBrowser } from "./browser.ts";
import { connect, send } from "./client.ts";
import { runtimeProcesses, SLOW_RUNTIME } from "./runtime-process.ts";

const runtimes = runtimeProcesses();
/** What a page that reads texts as markup would run. */
const MARKUP = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;

describe("GET /console", () => {
  it("is one document whose policy lets its own script and style in, and the API of its origin", async () => {
    const { url } = await runtimes.start();
    const page = await send(url, { path: "/console" });
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    expect(page.text, "nothing of the page comes from elsewhere").not.toMatch(/(?:src|href)="?https?:/);
    const inline = (tag: string): string => new RegExp(`<${tag}>(.*)</${tag}>`, "s").exec(page.text)?.[1] ?? "";
    const digest = (text: string): string => `'sha256-${hash("sha256", text, "base64")}'`;
    const policy = page.headers.get("content-security-policy")?.split("; ");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain(`script-src ${digest(inline("script"))}`);
    expect(policy).toContain(`style-src ${digest(inline("style"))}`);
  });
});

withParts(["chromium"], () => {
  describe("the console in Chromium", () => {
    it("asks who looks, and again when the token is not valid", async () => {
      const { url } = await runtimes.start();
      const other = await connect(url, "other");
      await using page = await openBrowser();
      await page.open(`${url}/console`);
      await fill(page, "Bearer token", "not-a-token");
      await page.click("Look");
      await page.until(`document.body.innerText.includes("auth.bad_token")`);
      await fill(page, "Bearer token", other.token);
      await page.click("Look");
      await page.until(`document.body.innerText.includes("tenant.not_found")`);
      await fill(page, "Tenant", "other");
      await fill(page, "Bearer token", other.token);
      await page.click("Look");
      await page.until(`document.querySelector("main h1")?.textContent === "Executions"`);
    });

    it("submits, follows, answers and verifies an execution, and shows what tenants wrote as text alone", async () => {
      const { url } = await runtimes.start({ entry: SLOW_RUNTIME });
      await using page = await signedIn(url);
      await submitApproval(page, url, JSON.stringify({ item: MARKUP }));
      await page.until(`document.body.innerText.includes("It waits for the signal approval")`);
      await fill(page, "Payload of approval", JSON.stringify({ by: MARKUP, ok: true }));
      await page.click("Send");
      await page.until(`document.querySelector("main h1 .status")?.textContent === "completed"`);
      expect(
        await page.evaluate(`[...document.querySelectorAll(".node b")].map((each) => each.textContent.slice(2))`),
      ).toEqual(["reserve", "approval", "check", "ship"]);
      await page.until(`document.querySelectorAll(".node.completed").length === 4`);
      await page.click("Verify its hash chain here");
      await page.until(`document.querySelector(".well")?.textContent.includes("every hash holds") === true`);
      await page.click("Log");
      await page.until(`document.body.innerText.includes("execution_completed")`);
      expect(await page.evaluate(`document.title`)).toBe("Symphainy");
      expect(await page.evaluate(`document.querySelectorAll("img, script[src]").length`)).toBe(0);
      expect(page.complaints).toEqual([]);
    });

    it("cancels, repeats, and tells what the runtime refuses", async () => {
      const { url } = await runtimes.start({ entry: SLOW_RUNTIME });
      await using page = await signedIn(url);
      await submitApproval(page, url, '{"item": 12345678901234567890}');
      await page.until(`document.querySelector("[role=alert]").textContent.includes("would lose digits")`);
      await submitApproval(page, url, '{"wrong": 1}');
      await page.until(`document.querySelector("[role=alert]").textContent.includes("parameters.item")`);
      await submitApproval(page, url, '{"item": "book"}');
      await page.until(`document.body.innerText.includes("It waits for the signal approval")`);
      await page.click("Cancel…");
      await page.click("Undo what it did");
      await page.until(`document.querySelector("main h1 .status")?.textContent === "cancelled"`);
      const cancelled = await page.evaluate("location.hash");
      await page.click("Retry");
      await page.until(`location.hash !== ${JSON.stringify(cancelled)}`);
      await page.until(`document.querySelector("main h1 .status")?.textContent === "suspended"`);
      await page.click("Executions");
      await page.until(`document.querySelectorAll("main tbody tr").length === 2`);
      await page.click("cancelled");
      await page.until(`document.querySelectorAll("main tbody tr").length === 1`);
    });
  });
});

async function signedIn(url: string): Promise<BrowserPage> {
  const page = await openBrowser();
  await page.open(`${url}/console`);
  await page.click("Look");
  await page.until(`document.querySelector("main") !== null`);
  return page;
}

async function submitApproval(page: BrowserPage, url: string, parameters: string): Promise<void> {
  await page.open(`${url}/console#/submit?intent_type=test.approval`);
  await page.until(`document.querySelector("select")?.value === "test.approval"`);
  await fill(page, "Parameters", parameters);
  await page.evaluate(`document.querySelector("main p button").click()`);
}

async function fill(page: BrowserPage, label: string, text: string): Promise<void> {
  const field = `document.querySelector('[aria-label="${label}"]')`;
  await page.until(`${field} !== null`);
  await page.evaluate(`${field}.value = ${JSON.stringify(text)}`);
}
