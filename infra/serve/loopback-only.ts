import { Server } from "node:net";

/**
 * `node --import` this before functions-framework's CLI, which otherwise listens on every interface: in dev mode the runtime
 * issues tokens to anybody, so it must be reachable from this machine only.
 */
// oxlint-disable-next-line typescript/unbound-method -- called with its server below
const listen = Server.prototype.listen;
Server.prototype.listen = function listenOnLoopback(
  this: Server,
  port: number | string,
  ...rest: (() => void)[]
): Server {
  return listen.call(this, { port: Number(port), host: "127.0.0.1" }, ...rest);
} as typeof listen;
