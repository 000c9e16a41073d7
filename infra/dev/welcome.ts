import type { Config } from "../../shared/config.ts";

/** Tells a newcomer where everything is, and a first request that works when pasted. */
export function printWelcome(config: Config, port: number): void {
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const url = `http://${host}:${port}`;
  process.stdout.write(`
Symphainy Runtime is ready.

  API     ${url}
  Console ${url}/console
  Docs    ${url}/docs
  OpenAPI ${url}/openapi.json
  Data    ${config.dataDir}
`);
  // Only dev mode has tokens to give.
  if (config.mode !== "dev") return;
  process.stdout.write(`
A first intent, to paste into another terminal:

  U=${url}
  T=$(curl -s $U/dev/token -H 'content-type: application/json' -d '{"tenant_id":"acme"}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  S=$(curl -s $U/session/create -H "authorization: Bearer $T" -H 'content-type: application/json' -d '{"tenant_id":"acme"}' | sed 's/.*"session_id":"\\([^"]*\\)".*/\\1/')
  curl -s $U/content/ingest_file -H "authorization: Bearer $T" -H 'content-type: application/json' \\
    -d '{"tenant_id":"acme","session_id":"'$S'","parameters":{"ui_name":"people.csv","content_base64":"'$(printf 'name,age\\nAda,36\\n' | base64)'"}}'

`);
}
