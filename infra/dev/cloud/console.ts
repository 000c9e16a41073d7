import type { Part } from "../parts/part.ts";

const NAME_WIDTH = 22;

/** Prints what a process says, each line under its name. */
export function prefixed(name: string): (line: string) => void {
  return (line) => void process.stdout.write(`${name.padEnd(NAME_WIDTH)} | ${line}\n`);
}

export interface Row {
  readonly part: Part;
  /** What it is there for. */
  readonly what: string;
}

/** What runs where, and what to do first. */
export function printTable(rows: readonly Row[], apiUrl: string, settings: Readonly<Record<string, string>>): void {
  const lines = rows.map(
    ({ part, what }) =>
      `  ${part.name.padEnd(NAME_WIDTH)} ${`${part.host}:${part.port}`.padEnd(16)} pid ${String(part.pid).padEnd(8)} ${what}`,
  );
  const choices = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  process.stdout.write(`
The cloud runs on this machine: ${choices.join(" ")}

${lines.join("\n")}

  API     ${apiUrl}
  Docs    ${apiUrl}/docs
  Nothing of it is kept: it begins empty, and ends with Ctrl-C.

A first intent, to paste into another terminal: the API takes it, Pub/Sub carries it, its own function runs it.

  U=${apiUrl}
  T=$(curl -s $U/dev/token -H 'content-type: application/json' -d '{"tenant_id":"acme"}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  S=$(curl -s $U/session/create -H "authorization: Bearer $T" -H 'content-type: application/json' -d '{"tenant_id":"acme"}' | sed 's/.*"session_id":"\\([^"]*\\)".*/\\1/')
  E=$(curl -s $U/intent/submit -H "authorization: Bearer $T" -H 'content-type: application/json' \\
    -d '{"tenant_id":"acme","session_id":"'$S'","intent_type":"content.ingest_file","parameters":{"ui_name":"people.csv","content_base64":"'$(printf 'name,age\\nAda,36\\n' | base64)'"}}' | sed 's/.*"execution_id":"\\([^"]*\\)".*/\\1/')
  sleep 1; curl -s "$U/execution/$E/status?tenant_id=acme" -H "authorization: Bearer $T"

`);
}
