import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";

import { parse } from "csv-parse";

import { selectParser } from "../../functions/content/parsing/detect.ts";
import type { ColumnProfile } from "../../functions/content/parsing/column-profile.ts";
import { encodeRows } from "../../functions/content/rows/encode-rows.ts";

/** `node content-child.ts <parquet|bare> <file>`: parses a CSV in a process of its own, and prints what it took as JSON. */
const [, , mode = "", file = ""] = process.argv;
let rows = 0;
const startedMs = performance.now();
if (mode === "bare") {
  const count = new Writable({
    objectMode: true,
    write: (_row, _encoding, done) => {
      rows += 1;
      done();
    },
  });
  await finished(
    createReadStream(file)
      .pipe(parse({ columns: true }))
      .pipe(count),
  );
} else {
  const { parse: parseCsv, valuesAreText } = selectParser({ filename: file });
  let profile: ColumnProfile | undefined;
  const out = createWriteStream(`${file}.parquet`);
  const bytes = encodeRows((events) => parseCsv(createReadStream(file), {}, events), {
    valuesAreText,
    signal: new AbortController().signal,
    onProfile: (found) => void (profile = found),
  });
  for await (const piece of bytes) {
    if (!out.write(piece)) await once(out, "drain");
  }
  out.end();
  rows = profile?.record_count ?? 0;
}
const seconds = (performance.now() - startedMs) / 1_000;
console.log(JSON.stringify({ rows, seconds, peakMb: process.resourceUsage().maxRSS / 1_024 }));
