import { type FileFormat, type Parse, type ParseEvents, type ParseOptions, requireRows, type Row } from "./parser.ts";

type Read = (source: AsyncIterable<Uint8Array>, options: ParseOptions, events?: ParseEvents) => AsyncIterable<Row>;

/** Each of these brings a parser that most files do not need: it is loaded with the first file that does. */
function loaded(format: string, load: () => Promise<Read>): Parse {
  const read: Read = async function* read(source, options, events) {
    yield* (await load())(source, options, events);
  };
  return (source, options, events) => requireRows(format, read(source, options, events));
}

export const xmlFormat: FileFormat<"xml"> = {
  format: "xml",
  names: ["xml"],
  mimeTypes: ["application/xml", "text/xml"],
  extensions: ["xml"],
  options: ["record_path", "encoding"],
  valuesAreText: true,
  hasColumns: () => true,
  parse: loaded("xml", async () => (await import("./xml.ts")).readXmlRecords),
};

export const htmlFormat: FileFormat<"html"> = {
  format: "html",
  names: ["html"],
  mimeTypes: ["text/html", "application/xhtml+xml"],
  extensions: ["html", "htm", "xhtml"],
  options: ["table", "has_header", "encoding"],
  valuesAreText: true,
  hasColumns: ({ table }) => table !== undefined,
  parse: loaded("html", async () => (await import("./html.ts")).readHtml),
};

export const pdfFormat: FileFormat<"pdf"> = {
  format: "pdf",
  names: ["pdf"],
  mimeTypes: ["application/pdf"],
  extensions: ["pdf"],
  options: [],
  valuesAreText: false,
  hasColumns: () => false,
  parse: loaded("pdf", async () => (await import("./pdf.ts")).readPdf),
};

export const docxFormat: FileFormat<"docx"> = {
  format: "docx",
  names: ["docx", "word"],
  mimeTypes: ["application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
  extensions: ["docx", "docm"],
  options: [],
  valuesAreText: false,
  hasColumns: () => false,
  parse: loaded("docx", async () => (await import("./docx.ts")).readDocx),
};

export const txtFormat: FileFormat<"txt"> = {
  format: "txt",
  names: ["txt", "text", "text/plain"],
  // Servers call every text text/plain: the name of a file says more.
  mimeTypes: [],
  extensions: ["txt", "text", "md", "log"],
  options: ["encoding"],
  valuesAreText: false,
  hasColumns: () => false,
  parse: loaded("txt", async () => (await import("./txt.ts")).readTxt),
};

export const x12Format: FileFormat<"x12"> = {
  format: "x12",
  names: ["x12", "edi"],
  mimeTypes: ["application/edi-x12"],
  extensions: ["edi", "x12", "837", "835", "850"],
  options: ["encoding"],
  valuesAreText: false,
  hasColumns: () => true,
  parse: loaded("x12", async () => (await import("./x12.ts")).readX12),
};

export const fixedWidthFormat: FileFormat<"fixed_width"> = {
  format: "fixed_width",
  names: ["fixed_width", "fixed-width", "copybook", "cobol"],
  mimeTypes: [],
  extensions: ["dat", "ebc", "ebcdic"],
  options: ["copybook", "charset", "records"],
  valuesAreText: false,
  hasColumns: () => true,
  parse: loaded("fixed_width", async () => (await import("./fixed-width.ts")).readFixedWidth),
};
