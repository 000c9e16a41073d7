import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

import { expect, it } from "vitest";

import { createRestConnection } from "../../infra/adapters/redis/rest-connection.ts";

type Command = readonly string[];
type Behaviour = (commands: readonly Command[], response: ServerResponse, request: IncomingMessage) => Promise<void>;

/** A server in the place of Upstash, and what came there, request by request. */
async function serve(behave: Behaviour = (commands, response) => Promise.resolve(echo(commands, response))) {
  const requests: (readonly Command[])[] = [];
  let inFlight = 0;
  let mostInFlight = 0;
  const server = createServer((request, response) => {
    inFlight += 1;
    mostInFlight = Math.max(mostInFlight, inFlight);
    response.once("close", () => (inFlight -= 1));
    void json(request).then((body) => {
      const commands = body as readonly Command[];
      requests.push(commands);
      return behave(commands, response, request);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = createRestConnection({ url, token: "secret" });
  return {
    connection,
    requests,
    mostInFlight: () => mostInFlight,
    run: (key: string, argument = "x") => connection.evalsha("sha", [key], [argument]),
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Answers each script with its own argument. */
function echo(commands: readonly Command[], response: ServerResponse): void {
  const results = commands.map((command) => ({ result: Buffer.from(command.at(-1) ?? "").toString("base64") }));
  response.end(JSON.stringify(results));
}

const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it("Q1: what is asked in one turn travels in one request, with the token, and each gets its own answer", async () => {
  let headers: IncomingMessage["headers"] = {};
  await using on = await serve((commands, response, request) => {
    ({ headers } = request);
    return Promise.resolve(echo(commands, response));
  });
  const asked = Array.from({ length: 40 }, (_, n) => `answer ${n} – ünïcödé`);
  expect(await Promise.all(asked.map((text, n) => on.run(`key${n}`, text)))).toEqual(asked);
  expect(on.requests).toHaveLength(1);
  expect(headers).toMatchObject({ authorization: "Bearer secret", "upstash-encoding": "base64" });
});

it("Q1: under load there are never more than two requests in flight, and all that waits goes with the next", async () => {
  await using on = await serve(async (commands, response) => {
    await soon(20);
    echo(commands, response);
  });
  const worker = async (n: number) => {
    for (let round = 0; round < 10; round += 1) {
      await soon(n % 9);
      expect(await on.run(`key${n}`, `${n}/${round}`)).toBe(`${n}/${round}`);
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, n) => worker(n)));
  expect(on.mostInFlight()).toBe(2);
  expect(on.requests.flat()).toHaveLength(640);
  expect(on.requests.length).toBeLessThan(64);
});

it("Q2: commands of one key keep their order, also when a request overtakes another", async () => {
  const done: string[] = [];
  let slow = true;
  await using on = await serve(async (commands, response) => {
    // The first request is the slowest: whatever comes later would overtake it.
    await soon(slow ? ((slow = false), 100) : 0);
    done.push(...commands.map((command) => command.at(-1) ?? ""));
    echo(commands, response);
  });
  const all = [on.run("a", "a1")];
  await soon(10);
  all.push(on.run("a", "a2"), on.run("b", "b1"), on.run("a", "a3"));
  await soon(10);
  all.push(on.run("a", "a4"), on.run("b", "b2"));
  await Promise.all(all);
  expect(done.filter((name) => name.startsWith("a"))).toEqual(["a1", "a2", "a3", "a4"]);
  expect(done.filter((name) => name.startsWith("b"))).toEqual(["b1", "b2"]);
  expect(done.indexOf("b1")).toBeLessThan(done.indexOf("a1"));
});

it("Q2: commands of one key keep their order when they do not fit into one request", async () => {
  const done: string[] = [];
  await using on = await serve((commands, response) => {
    done.push(...commands.map((command) => (command.at(-1) ?? "").slice(0, 2)));
    return Promise.resolve(echo(commands, response));
  });
  const names = ["a1", "b1", "a2", "b2", "a3", "b3"];
  await Promise.all(names.map((name) => on.run(name.slice(0, 1), name + "x".repeat(200_000))));
  expect(on.requests.length).toBeGreaterThan(2);
  expect(done.filter((name) => name.startsWith("a"))).toEqual(["a1", "a2", "a3"]);
  expect(done.filter((name) => name.startsWith("b"))).toEqual(["b1", "b2", "b3"]);
});

it("Q3: a request whose answer is lost is sent again as it was, and answered once", async () => {
  let lost = 0;
  await using on = await serve((commands, response) => {
    if (lost < 2) {
      lost += 1;
      response.destroy();
    } else echo(commands, response);
    return Promise.resolve();
  });
  expect(await Promise.all([on.run("a", "1"), on.run("b", "2")])).toEqual(["1", "2"]);
  expect(on.requests).toHaveLength(3);
  expect(on.requests[1]).toEqual(on.requests[0]);
  expect(on.requests[2]).toEqual(on.requests[0]);
});

it("Q3, Q4: when nobody ever answers, those under way and those that wait are rejected within the bound, and the next tries anew", async () => {
  let answers = false;
  await using on = await serve((commands, response) => {
    if (answers) echo(commands, response);
    return Promise.resolve();
  });
  const startedMs = performance.now();
  const asked = [on.run("a"), on.run("b")];
  await soon(20);
  asked.push(on.run("a"), on.run("b"), on.run("c"));
  await soon(20);
  asked.push(on.run("d"));
  for (const outcome of await Promise.allSettled(asked))
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "store.unavailable", status: 503 } });
  expect(performance.now() - startedMs).toBeLessThan(7_000);
  answers = true;
  expect(await on.run("a", "back")).toBe("back");
});

it.each([
  ["an error of the service", 503, '{"error":"down"}', "store.unavailable"],
  ["too many requests", 429, "slow down", "store.unavailable"],
  ["a wrong token", 401, '{"error":"WRONGPASS"}', "store.unavailable"],
  ["what is no JSON", 200, "<html>", "store.unavailable"],
  ["fewer answers than commands", 200, "[]", "store.unavailable"],
  ["a Redis that loads", 200, '[{"error":"LOADING Redis is loading the dataset in memory"}]', "store.unavailable"],
  ["an unknown script", 200, '[{"error":"NOSCRIPT No matching script."}]', "store.script_unknown"],
  ["a wrong command", 200, '[{"error":"ERR wrong number of arguments"}]', "store.refused"],
])("Q3: %s is sent once, and told as what it is", async (_, status, body, code) => {
  await using on = await serve((_commands, response) => {
    response.writeHead(status).end(body);
    return Promise.resolve();
  });
  await expect(on.run("a")).rejects.toMatchObject({ code });
  expect(on.requests).toHaveLength(1);
});

it("replies are left as they are: what looks like a number, JSON or OK stays text", async () => {
  const replies = ["1234", "1.0", "true", '{"a":1}', "OK", "", "null"];
  await using on = await serve((commands, response) => {
    const result = [...replies.map((reply) => Buffer.from(reply).toString("base64")), 7, null, ["T0s="]];
    return Promise.resolve(void response.end(JSON.stringify(commands.map(() => ({ result })))));
  });
  expect(await on.run("a")).toEqual([...replies, 7, null, ["OK"]]);
});
