import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import * as z from "zod";

import { findChromium } from "../../infra/dev/parts/find-parts.ts";
import { temporaryFolder } from "../kit/temporary-folder.ts";

const WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 25;

const answer = z.object({
  id: z.int().optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
});
const evaluated = z.object({
  result: z.object({ value: z.unknown().optional() }),
  exceptionDetails: z.object({ exception: z.object({ description: z.string().optional() }).optional() }).optional(),
});

/** A page in a headless Chromium, steered over its DevTools protocol. */
export interface BrowserPage extends AsyncDisposable {
  open(url: string): Promise<void>;
  /** The value of an expression in the page, which may be a promise; it must be JSON. Throws what it throws. */
  evaluate(expression: string): Promise<unknown>;
  /** Waits until an expression is true, for 20 s at the most. Throws with the page's text when it does not come true. */
  until(expression: string): Promise<void>;
  /** Clicks the first visible button, link or summary with this text. */
  click(text: string): Promise<void>;
  /** What the page logged as errors, and what its policy refused. */
  readonly complaints: readonly string[];
}

export async function openBrowser(): Promise<BrowserPage> {
  const folder = await temporaryFolder();
  const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"];
  const program = (await findChromium()) ?? "chromium";
  const browser = spawn(program, [...flags, `--user-data-dir=${folder.path}`, "about:blank"], { stdio: "ignore" });
  const socket = new WebSocket(await pageSocket(join(folder.path, "DevToolsActivePort")));
  await once(socket, "open");
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const complaints: string[] = [];
  let sent = 0;
  socket.addEventListener("message", ({ data }) => {
    const { id, method, params, result, error } = answer.parse(JSON.parse(String(data)));
    if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded") complaints.push(JSON.stringify(params));
    if (id === undefined) return;
    if (error === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new Error(error.message));
    waiting.delete(id);
  });
  const call = (method: string, params: object = {}): Promise<unknown> => {
    sent += 1;
    const asked = Promise.withResolvers<unknown>();
    waiting.set(sent, asked);
    socket.send(JSON.stringify({ id: sent, method, params }));
    return asked.promise;
  };
  await Promise.all(["Page.enable", "Runtime.enable", "Log.enable"].map((method) => call(method)));

  const evaluate = async (expression: string): Promise<unknown> => {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = evaluated.parse(await call("Runtime.evaluate", options));
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? "it threw");
    return result.value;
  };
  const until = async (expression: string): Promise<void> => {
    const giveUpMs = performance.now() + WITHIN_MS;
    while ((await evaluate(expression)) !== true) {
      if (performance.now() > giveUpMs) {
        throw new Error(`${expression} is not so in: ${String(await evaluate("document.body.innerText"))}`);
      }
      await sleep(LOOK_EVERY_MS);
    }
  };
  return {
    complaints,
    evaluate,
    until,
    open: async (url) => {
      await call("Page.navigate", { url });
      await until(`location.href === ${JSON.stringify(url)} && document.readyState === "complete"`);
    },
    click: async (text) => {
      const found = `[...document.querySelectorAll("button, a, summary")].find((each) => each.checkVisibility() && each.textContent === ${JSON.stringify(text)})`;
      await until(`${found} !== undefined`);
      await evaluate(`${found}.click()`);
    },
    [Symbol.asyncDispose]: async () => {
      socket.close();
      await end(browser);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Where its one page is steered: the browser writes its port into its folder. */
async function pageSocket(portFile: string): Promise<string> {
  const giveUpMs = performance.now() + WITHIN_MS;
  while (performance.now() < giveUpMs) {
    try {
      const [port] = (await readFile(portFile, "utf8")).split("\n");
      const pages = z.array(z.object({ type: z.string(), webSocketDebuggerUrl: z.string() }));
      const listed = pages.parse(await (await fetch(`http://127.0.0.1:${port}/json/list`)).json());
      const page = listed.find(({ type }) => type === "page");
      if (page !== undefined) return page.webSocketDebuggerUrl;
    } catch {
      // It is still starting.
    }
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error("Chromium did not start.");
}

async function end(browser: ChildProcess): Promise<void> {
  if (browser.exitCode !== null || browser.signalCode !== null) return;
  browser.kill("SIGKILL");
  await once(browser, "close");
}
