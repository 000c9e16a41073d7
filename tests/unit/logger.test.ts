import { describe, expect, it } from "vitest";

import { RuntimeError } from "../../shared/errors.ts";
import { createLogger, errorFields, type LogLevel } from "../../shared/logger.ts";
import { createManualClock } from "./manual-clock.ts";

function capture(level: LogLevel) {
  const lines: string[] = [];
  const logger = createLogger({ clock: createManualClock(), level, write: (line) => void lines.push(line) });
  return { logger, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe("logger", () => {
  it("writes one JSON object a line, in the names that Cloud Logging reads", () => {
    const { logger, lines, parsed } = capture("debug");
    logger.warn("a\nb", { n: 1 });
    expect(lines[0]).not.toContain("\n");
    expect(parsed()).toEqual([{ time: "2026-01-01T00:00:00.000Z", severity: "WARNING", message: "a\nb", n: 1 }]);
  });

  it.each<[LogLevel, string[]]>([
    ["debug", ["DEBUG", "INFO", "WARNING", "ERROR"]],
    ["info", ["INFO", "WARNING", "ERROR"]],
    ["warn", ["WARNING", "ERROR"]],
    ["error", ["ERROR"]],
  ])("at level %s writes %j", (level, severities) => {
    const { logger, parsed } = capture(level);
    for (const log of [logger.debug, logger.info, logger.warn, logger.error]) log("x");
    expect(parsed().map(({ severity }) => severity)).toEqual(severities);
  });

  it("adds the fields of its context to each line, the innermost last", () => {
    const { logger, parsed } = capture("info");
    const inner = logger.with({ tenant_id: "acme", step: "a" }).with({ step: "b" });
    inner.info("x");
    logger.info("y");
    expect(parsed()[0]).toMatchObject({ tenant_id: "acme", step: "b" });
    expect(parsed()[1]).not.toHaveProperty("tenant_id");
  });

  it("says code, text and stack of an error, and never the values that it carries", () => {
    const secret = "hunter2";
    const error = new RuntimeError("x.failed", "It failed.", {
      details: { password: secret },
      faults: [{ path: "password", message: `${secret} is too short` }],
      cause: new Error(secret, { cause: { token: secret } }),
    });
    const { logger, lines } = capture("info");
    logger.error("oops", errorFields(error));
    expect(lines[0]).not.toContain(secret);
    expect(errorFields(error)).toEqual({ error_code: "x.failed", error: "It failed.", stack: error.stack });
  });

  it("names foreign errors by their class, and takes what is no error at all", () => {
    expect(errorFields(new TypeError("no"))).toMatchObject({ error_code: "TypeError", error: "no" });
    expect(errorFields("just text")).toEqual({ error: "just text" });
    const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    expect(errorFields(new RuntimeError("x.away", "Away.", { cause: refused }))).toMatchObject({
      cause: refused.message,
    });
    const body = new SyntaxError('Unexpected token "secret"');
    expect(errorFields(new RuntimeError("x.bad", "Bad.", { cause: body }))).not.toHaveProperty("cause");
    expect(errorFields(undefined)).toEqual({ error: "undefined" });
  });
});
