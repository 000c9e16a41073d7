import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import * as z from "zod";

const sourceMapSchema = z.object({ sourcesContent: z.array(z.string()) });
const SOURCE_MAP = /sourceMappingURL=data:application\/json;base64,(.*)/;

/** An argument of a block as the generated code writes it out as HCL. */
export interface HclShape {
  readonly isBlock: boolean;
  readonly kind: string;
  /** Such as `string`, `numberList` or the name of the class of a nested block. */
  readonly storage: string;
}

/** What the generated code says of one attribute. */
export interface Member {
  readonly name: string;
  readonly computed: boolean;
  readonly optional: boolean;
  readonly required: boolean;
  /** Its fields and accessors. */
  readonly code: string;
}

/** The classes that `@cdktf/provider-*` packages generate for one resource. */
export interface CdktfSource {
  /** `TerraformResource`, `TerraformDataSource` or `TerraformProvider`. */
  readonly kind: string;
  readonly typeName: string;
  readonly className: string;
  members(className: string): readonly Member[];
  /** By argument; what cannot be set is not in it. */
  hcl(className: string): ReadonlyMap<string, HclShape>;
  /** The documentation of an argument of a block. */
  docs(interfaceName: string, argument: string): string;
}

/** Reads the TypeScript that a folder of compiled modules carries in its source maps; undefined when it is no resource's. */
export function readCdktfSource(folder: string): CdktfSource | undefined {
  const text = modulesOf(folder).map(sourceOf).join("\n");
  const classes = new Map(
    [...text.matchAll(/^export class (\w+) extends cdktf\.(\w+) \{\n([\s\S]*?)^\}/gm)].map(
      ([, name = "", kind = "", body = ""]) => [name, { kind, body }] as const,
    ),
  );
  const main = [...classes].find(([, { kind }]) => /^Terraform(Resource|DataSource|Provider)$/.test(kind));
  if (main === undefined) return undefined;
  const [className, { kind, body }] = main;

  const writers = new Map(
    [...text.matchAll(/^export function (\w+)ToHclTerraform\(([\s\S]*?)^\}/gm)].map(
      ([, name = "", code = ""]) => [name.toLowerCase(), shapesOf(code)] as const,
    ),
  );
  const synthesized = shapesOf(/synthesizeHclAttributes\(\)[\s\S]*?^ {2}\}/m.exec(body)?.[0] ?? "");
  const interfaces = new Map(
    [...text.matchAll(/^export interface (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)].map(([, name = "", code = ""]) => [
      name,
      docsOf(code),
    ]),
  );
  return {
    kind,
    typeName: /tfResourceType = "([^"]+)"/.exec(body)?.[1] ?? "",
    className,
    members: (name) => membersOf(classes.get(name)?.body ?? ""),
    hcl: (name) =>
      name === className ? synthesized : (writers.get(name.replace(/OutputReference$/, "").toLowerCase()) ?? new Map()),
    docs: (name, argument) => interfaces.get(name)?.get(argument) ?? "",
  };
}

function modulesOf(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return entries.filter((name) => name.endsWith(".js")).map((name) => path.join(folder, name));
}

function sourceOf(file: string): string {
  const encoded = SOURCE_MAP.exec(readFileSync(file, "utf8"))?.[1];
  if (encoded === undefined) return "";
  return sourceMapSchema.parse(JSON.parse(Buffer.from(encoded, "base64").toString())).sourcesContent.join("\n");
}

function shapesOf(code: string): ReadonlyMap<string, HclShape> {
  const entries =
    /^ +"?([a-z0-9_]+)"?: \{\n +value: .*,\n +isBlock: (true|false),\n +type: "(\w+)",\n +storageClassType: "(\w+)",/gm;
  return new Map(
    [...code.matchAll(entries)].map(([, name = "", isBlock, kind = "", storage = ""]) => [
      name,
      { isBlock: isBlock === "true", kind, storage },
    ]),
  );
}

function membersOf(body: string): readonly Member[] {
  const heads = [
    ...body.matchAll(
      /^ *\/\/ ([a-z0-9_]+) - computed: (true|false), optional: (true|false), required: (true|false)$/gm,
    ),
  ];
  return heads.map((head, index) => {
    const [line, name = "", computed, optional, required] = head;
    const from = head.index + line.length;
    const to = heads[index + 1]?.index ?? body.length;
    const code = body.slice(from, to).split(/^ {2}\/\/ =====/m)[0] ?? "";
    return { name, computed: computed === "true", optional: optional === "true", required: required === "true", code };
  });
}

function docsOf(code: string): ReadonlyMap<string, string> {
  const comments = code.matchAll(/\/\*\*\n([\s\S]*?)\*\/\s*readonly \w+/g);
  return new Map(
    [...comments].flatMap(([, comment = ""]) => {
      const argument = /#([a-z0-9_]+) \w+#/.exec(comment)?.[1];
      return argument === undefined ? [] : [[argument, comment.replace(/\n\s*\*? ?/g, " ")] as const];
    }),
  );
}
