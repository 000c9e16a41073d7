import { zipOf } from "./zip-fixture.ts";
import type { ZipMember } from "./zip-fixture.ts";

const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships";

export interface WorkbookFixture {
  /** Sheet names to the XML inside `sheetData`. */
  readonly sheets: Readonly<Record<string, string>>;
  /** The items of the shared string table, as XML inside `si`. */
  readonly strings?: readonly string[];
  /** Format codes of the styles 1, 2 ...; a number is a built-in format. Style 0 is General. */
  readonly formats?: readonly (string | number)[];
  readonly date1904?: boolean;
  readonly hidden?: readonly string[];
  /** Members that replace those of the same name, or come on top. */
  readonly members?: readonly ZipMember[];
}

/** The members of a workbook with the parts, the attributes and the namespaces that Excel writes. */
export function workbookMembers(fixture: WorkbookFixture): ZipMember[] {
  const names = Object.keys(fixture.sheets);
  const relation = (id: number, type: string, target: string): string =>
    `<Relationship Id="rId${id}" Type="${OFFICE}/${type}" Target="${target}"/>`;
  const strings = fixture.strings ?? [];
  const formats = fixture.formats ?? [];
  const custom = formats.flatMap((code, index) =>
    typeof code === "string" ? [`<numFmt numFmtId="${164 + index}" formatCode="${code}"/>`] : [],
  );
  const parts: Record<string, string> = {
    "[Content_Types].xml": `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`,
    "_rels/.rels": `<Relationships xmlns="${PACKAGE}"><Relationship Id="rId3" Type="${OFFICE}/extended-properties" Target="docProps/app.xml"/>${relation(1, "officeDocument", "xl/workbook.xml")}</Relationships>`,
    "xl/workbook.xml":
      `<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" mc:Ignorable="x15">` +
      `<fileVersion appName="xl" lastEdited="7"/><workbookPr${fixture.date1904 === true ? ' date1904="1"' : ""} defaultThemeVersion="166925"/><sheets>` +
      names
        .map((name, index) => {
          const state = fixture.hidden?.includes(name) === true ? ' state="hidden"' : "";
          return `<sheet name="${name}" sheetId="${index + 1}"${state} r:id="rId${index + 1}"/>`;
        })
        .join("") +
      `</sheets><calcPr calcId="191029"/></workbook>`,
    "xl/_rels/workbook.xml.rels":
      `<Relationships xmlns="${PACKAGE}">` +
      names.map((_, index) => relation(index + 1, "worksheet", `worksheets/sheet${index + 1}.xml`)).join("") +
      `${relation(91, "styles", "styles.xml")}${relation(92, "sharedStrings", "/xl/sharedStrings.xml")}</Relationships>`,
    "xl/styles.xml":
      `<styleSheet xmlns="${MAIN}"><numFmts count="${custom.length}">${custom.join("")}</numFmts>` +
      `<cellStyleXfs count="1"><xf numFmtId="14" fontId="0"/></cellStyleXfs><cellXfs count="${formats.length + 1}"><xf numFmtId="0" fontId="0" xfId="0"/>` +
      formats
        .map((code, index) => `<xf numFmtId="${typeof code === "number" ? code : 164 + index}" applyNumberFormat="1"/>`)
        .join("") +
      `</cellXfs></styleSheet>`,
    "xl/sharedStrings.xml": `<sst xmlns="${MAIN}" count="${strings.length}" uniqueCount="${strings.length}">${strings.map((text) => `<si>${text}</si>`).join("")}</sst>`,
  };
  for (const [index, name] of names.entries()) {
    parts[`xl/worksheets/sheet${index + 1}.xml`] =
      `<worksheet xmlns="${MAIN}" xmlns:r="${OFFICE}" xmlns:x14ac="http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac"><sheetPr/>` +
      `<dimension ref="A1:Z99"/><sheetViews><sheetView workbookViewId="0"/></sheetViews><sheetFormatPr defaultRowHeight="15" x14ac:dyDescent="0.25"/>` +
      `<sheetData>${fixture.sheets[name] ?? ""}</sheetData><pageMargins left="0.7" right="0.7"/></worksheet>`;
  }
  const replaced = new Set(fixture.members?.map((member) => member.name));
  return [
    ...Object.entries(parts)
      .filter(([name]) => !replaced.has(name))
      .map(([name, xml]) => ({ name, data: DECLARATION + xml })),
    ...(fixture.members ?? []),
  ];
}

export function workbookOf(fixture: WorkbookFixture): Buffer {
  return zipOf(workbookMembers(fixture));
}

/** A sheet's rows from plain values, as inline cells; undefined leaves the cell out. */
export function sheetRows(rows: readonly (readonly (string | number | boolean | undefined)[])[]): string {
  return rows.map((cells, row) => `<row r="${row + 1}">${cells.map(cellXml).join("")}</row>`).join("");

  function cellXml(value: string | number | boolean | undefined): string {
    if (value === undefined) return "<c/>";
    if (typeof value === "number") return `<c><v>${value}</v></c>`;
    if (typeof value === "boolean") return `<c t="b"><v>${value ? 1 : 0}</v></c>`;
    const text = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    return `<c t="inlineStr"><is><t xml:space="preserve">${text}</t></is></c>`;
  }
}
