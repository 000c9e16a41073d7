import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

import { afterEach, describe, expect, it } from "vitest";

import { createHttpProvider, type HttpProviderDeps } from "../../../infra/adapters/wasm/http-provider.ts";
import { createPublicAddresses } from "../../../infra/adapters/wasm/public-addresses.ts";
import { asId, trustedTenantId } from "../../../shared/ids.ts";
import type { JsonObject } from "../../../shared/json.ts";

const caller = { tenantId: trustedTenantId("acme"), instanceId: asId.instance("instance_1") };
const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

/** A real server on loopback; returns its port, and what it was asked. */
async function serve(listener: RequestListener) {
  const asked: string[] = [];
  const server = createServer((incoming, response) => {
    asked.push(
      [incoming.method, incoming.url, incoming.headers["x-own"]].filter((part) => part !== undefined).join(" "),
    );
    listener(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

async function request(params: JsonObject, deps: HttpProviderDeps = {}, signal = new AbortController().signal) {
  const http = createHttpProvider(deps);
  await http.initialize();
  return http.invoke(caller, "request", params, signal);
}

/** As if loopback were outside, under any name. */
const reachable: HttpProviderDeps = {
  mayConnect: (address) => address === "127.0.0.1",
  resolve: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
};

describe("the http provider", () => {
  it("asks, and gives status, headers and body; bytes that are no text as base64", async () => {
    const { port, asked } = await serve((incoming, response) => {
      if (incoming.url === "/bytes") response.end(Buffer.from([0xff, 0xfe]));
      else incoming.pipe(response.writeHead(201, { "x-answer": "yes" }));
    });
    const url = `http://api.example:${port}`;
    const echoed = await request({ url, method: "POST", headers: { "X-Own": "mine" }, body: "héllo" }, reachable);
    expect(echoed).toMatchObject({
      outcome: "result",
      result: { status: 201, body: "héllo", headers: { "x-answer": "yes" } },
    });
    expect(await request({ url: `${url}/bytes` }, reachable)).toMatchObject({
      result: { status: 200, body_base64: "//4=" },
    });
    expect(asked).toEqual(["POST / mine", "GET /bytes"]);
  });

  it("H1: no request gets to this machine or a network behind it, however the address is written or found", async () => {
    const { port, asked } = await serve((_, response) => response.end("secret"));
    const urls = ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"];
    for (const host of urls) {
      const reply = await request({ url: `http://${host}:${port}/` });
      expect([host, reply]).toEqual([
        host,
        expect.objectContaining({ outcome: "error", errorCode: "PERMISSION_DENIED" }),
      ]);
    }
    const rebound = { resolve: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]) };
    expect(await request({ url: `http://public.example:${port}/` }, rebound)).toMatchObject({
      errorCode: "PERMISSION_DENIED",
    });
    const mixed = {
      resolve: () =>
        Promise.resolve([
          { address: "8.8.8.8", family: 4 },
          { address: "127.0.0.1", family: 4 },
        ]),
    };
    expect(await request({ url: `http://mixed.example:${port}/` }, mixed)).toMatchObject({
      errorCode: "PERMISSION_DENIED",
    });
    expect(asked).toEqual([]);
  });

  it("H1: the address that was judged is the one that is connected to: the name is resolved once", async () => {
    const { port } = await serve((_, response) => response.end("ok"));
    let asked = 0;
    const changing: HttpProviderDeps = {
      ...reachable,
      resolve: () => Promise.resolve([{ address: (asked += 1) === 1 ? "127.0.0.1" : "10.0.0.1", family: 4 }]),
    };
    expect(await request({ url: `http://fickle.example:${port}/` }, changing)).toMatchObject({ outcome: "result" });
    expect(asked).toBe(1);
  });

  it("H2: a redirect is the guest's to follow", async () => {
    const { port, asked } = await serve((_, response) =>
      response.writeHead(302, { location: "http://169.254.169.254/computeMetadata/v1/" }).end(),
    );
    const reply = await request({ url: `http://api.example:${port}/` }, reachable);
    expect(reply).toMatchObject({
      result: { status: 302, headers: { location: "http://169.254.169.254/computeMetadata/v1/" } },
    });
    expect(asked).toHaveLength(1);
  });

  it("H3: a response that is too large, broken off, or that nobody waits for any more is an error", async () => {
    const large = await serve((_, response) => {
      const more = (): void =>
        void (response.write(Buffer.alloc(65_536)) ? setImmediate(more) : response.once("drain", more));
      more();
    });
    expect(await request({ url: `http://a.example:${large.port}/` }, reachable)).toMatchObject({
      errorCode: "RESOURCE_EXHAUSTED",
    });
    const broken = await serve((_, response) => {
      response.writeHead(200, { "content-length": "10" }).write("half");
      setImmediate(() => response.destroy());
    });
    expect(await request({ url: `http://b.example:${broken.port}/` }, reachable)).toMatchObject({
      errorCode: "WASM_RUNTIME_ERROR",
    });
    const gone = new AbortController();
    const silent = await serve(() => gone.abort());
    expect(await request({ url: `http://c.example:${silent.port}/` }, reachable, gone.signal)).toMatchObject({
      errorCode: "TIMEOUT",
    });
  });

  it.each([
    ["another protocol", { url: "file:///etc/passwd" }],
    ["credentials in the URL", { url: "http://user:secret@api.example/" }],
    ["no URL", { url: "api.example" }],
    ["another method", { url: "http://api.example/", method: "CONNECT" }],
    ["a header of the connection", { url: "http://api.example/", headers: { Host: "other" } }],
    ["two headers in one", { url: "http://api.example/", headers: { a: "b\r\nhost: other" } }],
  ])("%s is an INVALID_REQUEST", async (_, params) => {
    expect(await request(params, reachable)).toMatchObject({ outcome: "error", errorCode: "INVALID_REQUEST" });
  });

  it("says that it is stopped before it began and after its end", async () => {
    const http = createHttpProvider();
    const ask = () => http.invoke(caller, "request", { url: "http://api.example/" }, new AbortController().signal);
    expect(await ask()).toMatchObject({ errorCode: "WASM_RUNTIME_ERROR" });
    await http.initialize();
    await http.shutdown();
    expect(await ask()).toMatchObject({ errorCode: "WASM_RUNTIME_ERROR" });
  });
});

describe("public addresses", () => {
  const isPublic = createPublicAddresses();

  it.each(["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450:4001:82b::200e"])(
    "%s is one",
    (address) => {
      expect(isPublic(address)).toBe(true);
    },
  );

  it.each([
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "168.63.129.16",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:8.8.8.8",
    "64:ff9b::a00:1",
    "2001:0:1::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "ff02::1",
    "localhost",
    "",
  ])("%s is none", (address) => {
    expect(isPublic(address)).toBe(false);
  });
});
