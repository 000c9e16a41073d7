import type { RuntimeError } from "../../../shared/errors.ts";
import { contentFault, malformed } from "./faults.ts";
import { CELL_CHARS, tooLarge } from "./xlsx-archive.ts";
import type { Archive } from "./xlsx-archive.ts";
import { kindOfBuiltIn, kindOfFormatCode } from "./xlsx-dates.ts";
import type { DateKind } from "./xlsx-dates.ts";
import { readWholeXml } from "./xlsx-xml.ts";

/** Sheets, relations, formats: far more than Excel can have of any of them. */
const MAX_PARTS_OF_A_KIND = 100_000;

export interface Sheet {
  readonly name: string;
  readonly part: string;
  readonly visible: boolean;
}

/** What is common to the sheets of a workbook and needed to read one. */
export interface Workbook {
  readonly sheets: readonly Sheet[];
  readonly date1904: boolean;
  readonly sharedStrings: readonly string[];
  /** By the style number of a cell. */
  readonly dateKinds: readonly DateKind[];
}

interface Relation {
  /** The last segment of the type's URI, which the transitional and the strict dialect share. */
  readonly type: string;
  readonly part: string;
}

/** Reads a workbook's sheet list, styles and shared strings; `maxSharedChars` bounds the latter. */
export async function readWorkbook(archive: Archive, maxSharedChars: number): Promise<Workbook> {
  const main = await findMainPart(archive);
  const relations = await readRelations(archive, main);
  const partOf = (type: string): string | undefined =>
    relations.values().find((relation) => relation.type === type && archive.has(relation.part))?.part;
  const sheets: Sheet[] = [];
  let date1904 = false;
  await readWholeXml(archive, main, {
    open: (tag, attributes) => {
      if (tag === "workbookPr") date1904 = isTrue(attributes.get("date1904"));
      if (tag !== "sheet") return;
      const relation = relations.get(attributes.get("id") ?? "");
      // Chart and macro sheets have no cells.
      if (relation?.type !== "worksheet") return;
      const visible = (attributes.get("state") ?? "visible") === "visible";
      sheets.push({ name: attributes.get("name") ?? "", part: relation.part, visible });
      expectFewer(sheets.length, "sheets");
    },
    close: () => undefined,
  });
  if (sheets.length === 0) throw malformed("xlsx", "The workbook has no sheet with cells.");
  const strings = partOf("sharedStrings");
  const styles = partOf("styles");
  return {
    sheets,
    date1904,
    sharedStrings: strings === undefined ? [] : await readSharedStrings(archive, strings, maxSharedChars),
    dateKinds: styles === undefined ? [] : await readDateKinds(archive, styles),
  };
}

/** The sheet of that name (exactly, else without regard to case), or the first visible one. */
export function chooseSheet(sheets: readonly Sheet[], name: string | undefined): Sheet {
  const chosen =
    name === undefined
      ? (sheets.find((sheet) => sheet.visible) ?? sheets[0])
      : (sheets.find((sheet) => sheet.name === name) ??
        sheets.find((sheet) => sheet.name.toLowerCase() === name.toLowerCase()));
  if (chosen !== undefined) return chosen;
  const names = sheets.slice(0, 50).map((sheet) => sheet.name);
  throw contentFault("sheet_not_found", `The workbook has no sheet "${name}". It has: ${names.join(", ")}.`, {
    sheet: name,
    sheets: names,
  });
}

/** Excel writes characters that XML cannot hold as `_x000D_`; ECMA-376 part 1, 22.9.2.19. */
export function unescapeText(text: string): string {
  if (!text.includes("_x")) return text;
  const unescaped = text.replace(/_x([0-9a-fA-F]{4})_/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  // Half of a character is none.
  return unescaped.toWellFormed();
}

async function findMainPart(archive: Archive): Promise<string> {
  if (!archive.has("_rels/.rels")) throw malformed("xlsx", "The file is a zip file but not an Excel workbook.");
  const relations = await readRelations(archive, "");
  const main = relations.values().find(({ type }) => type === "officeDocument")?.part;
  if (main === undefined || !archive.has(main)) {
    throw malformed("xlsx", "The file is a zip file but not an Excel workbook.");
  }
  if (/\.bin$/i.test(main))
    throw malformed("xlsx", "The file is a binary .xlsb workbook, not .xlsx. Save it as .xlsx.");
  return main;
}

/** The relations of a part by id; those of the package when `part` is "". */
async function readRelations(archive: Archive, part: string): Promise<ReadonlyMap<string, Relation>> {
  const folder = part.slice(0, part.lastIndexOf("/") + 1);
  const file = `${folder}_rels/${part.slice(folder.length)}.rels`;
  const relations = new Map<string, Relation>();
  if (!archive.has(file)) return relations;
  await readWholeXml(archive, file, {
    open: (tag, attributes) => {
      if (tag !== "Relationship" || attributes.get("TargetMode") === "External") return;
      const type = attributes.get("Type") ?? "";
      relations.set(attributes.get("Id") ?? "", {
        type: type.slice(type.lastIndexOf("/") + 1),
        part: resolvePart(folder, attributes.get("Target") ?? ""),
      });
      expectFewer(relations.size, "relations");
    },
    close: () => undefined,
  });
  return relations;
}

function resolvePart(folder: string, target: string): string {
  const segments: string[] = [];
  for (const segment of (target.startsWith("/") ? target : folder + target).split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments.join("/");
}

async function readSharedStrings(archive: Archive, part: string, maxChars: number): Promise<readonly string[]> {
  const strings: string[] = [];
  let chars = 0;
  let open: string | undefined;
  let openChars = 0;
  let inText = false;
  let phonetic = false;
  await readWholeXml(archive, part, {
    open: (tag) => {
      if (tag === "si") {
        open = "";
        openChars = 0;
      } else if (tag === "rPh") phonetic = true;
      else if (tag === "t") inText = !phonetic;
    },
    text: (text) => {
      if (!inText || open === undefined) return;
      open += text;
      openChars += text.length + CELL_CHARS;
      if (chars + openChars > maxChars) throw tooMuchText(maxChars);
    },
    close: (tag) => {
      if (tag === "t") inText = false;
      else if (tag === "rPh") phonetic = false;
      if (tag !== "si" || open === undefined) return;
      strings.push(unescapeText(open));
      chars += open.length + CELL_CHARS;
      if (chars > maxChars) throw tooMuchText(maxChars);
      open = undefined;
    },
  });
  return strings;
}

async function readDateKinds(archive: Archive, part: string): Promise<readonly DateKind[]> {
  const custom = new Map<number, DateKind>();
  const formatIds: number[] = [];
  let inCellFormats = false;
  await readWholeXml(archive, part, {
    open: (tag, attributes) => {
      if (tag === "numFmt")
        custom.set(Number(attributes.get("numFmtId")), kindOfFormatCode(attributes.get("formatCode") ?? ""));
      else if (tag === "cellXfs") inCellFormats = true;
      else if (tag === "xf" && inCellFormats) formatIds.push(Number(attributes.get("numFmtId") ?? 0));
      expectFewer(custom.size + formatIds.length, "formats");
    },
    close: (tag) => {
      if (tag === "cellXfs") inCellFormats = false;
    },
  });
  return formatIds.map((id) => custom.get(id) ?? kindOfBuiltIn(id));
}

function expectFewer(count: number, what: string): void {
  if (count > MAX_PARTS_OF_A_KIND)
    throw tooLarge(`has more than ${MAX_PARTS_OF_A_KIND} ${what}`, `max_${what}`, MAX_PARTS_OF_A_KIND);
}

function tooMuchText(maxChars: number): RuntimeError {
  return tooLarge(`holds more than ${maxChars} characters of text`, "max_shared_chars", maxChars);
}

function isTrue(value: string | undefined): boolean {
  return value === "1" || value === "true";
}
