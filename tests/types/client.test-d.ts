import type { ingestFile } from "../../functions/content/ingest-file.ts";
import type { parseContent } from "../../functions/content/parse-content.ts";
import { type Client, reference, type Session } from "../../shared/client/client.ts";

/** Never run: that this file compiles, with each expected error, is the test. */
export async function inputsAndOutputsComeFromTheDefinitions(client: Client): Promise<void> {
  const session: Session = client.session("acme");
  const ingest = reference<typeof ingestFile>("content.ingest_file");
  // @ts-expect-error -- the name is the definition's
  reference<typeof ingestFile>("content.ingest_fil");

  // Members that have a default may be left out.
  const handle = await session.submit(ingest, { ui_name: "a.csv", content_base64: "" });
  await session.submit(ingest, { ui_name: "a.csv", ingestion_type: "edi", edi_data: "x", partner_id: "y" });
  // @ts-expect-error -- a required member is missing
  await session.submit(ingest, { content_base64: "" });
  // @ts-expect-error -- a member of another name
  await session.submit(ingest, { ui_name: "a.csv", content_bas64: "" });
  // @ts-expect-error -- a member of another type
  await session.submit(ingest, { ui_name: 1 });
  // @ts-expect-error -- a value that the enum does not have
  await session.submit(ingest, { ui_name: "a.csv", ingestion_type: "ftp" });
  // @ts-expect-error -- another intent's input
  await session.submit(reference<typeof parseContent>("content.parse_content"), { ui_name: "a.csv" });

  const output = await handle.result();
  const file: string = output.file_id;
  const size: number = output.size_bytes;
  const pending: "PENDING" = output.lifecycle_state;
  // @ts-expect-error -- the output has no such member
  void output.rows;
  void [file, size, pending];

  const ran = await session.run(reference<typeof parseContent>("content.parse_content"), { file_id: file });
  const rows: number = ran.record_count;
  void rows;

  const settled = await handle.wait();
  // @ts-expect-error -- only what is completed has an output
  void settled.output;
  if (settled.status === "completed") void settled.output.sha256;
  else void settled.error?.code;

  const again = await handle.retry();
  const sameOutput: string = (await again.result()).file_id;
  const found = client.tenant("acme").execution("execution_1", ingest);
  const foundOutput: string = (await found.result()).file_id;
  void [sameOutput, foundOutput];
}

/** Where the definition's code is at hand, it serves as its own reference. */
export async function aDefinitionIsItsOwnReference(session: Session, definition: typeof ingestFile): Promise<string> {
  // @ts-expect-error -- a required member is missing
  await session.submit(definition, {});
  return (await session.run(definition, { ui_name: "a.csv", content_base64: "" })).file_id;
}
