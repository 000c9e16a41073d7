import { setTimeout as sleep } from "node:timers/promises";

import type { TcpProxy } from "../../kit/tcp-proxy.ts";

/** What a network can do to a store within some seconds, one after the other; at the end it is whole again. */
export async function misbehave(proxy: TcpProxy, rounds = 2): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await sleep(700);
    proxy.flicker();
    await sleep(400);
    // What was asked is done, and nobody hears of it.
    proxy.swallowAnswers();
    await sleep(300);
    proxy.mend();
    await sleep(400);
    proxy.delay(40);
    await sleep(600);
    proxy.flicker();
    await sleep(200);
    proxy.delay(0);
    proxy.cut();
    await sleep(500);
    proxy.mend();
  }
}
