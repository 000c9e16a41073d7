import * as z from "zod";

/** How a person tells a parser what the file alone does not say; each format refuses the options that it has no use for. */
export const parseOptionsSchema = z.strictObject({
  delimiter: z
    .string()
    .length(1)
    .refine((character) => !/["\r\n\0]/.test(character), "must not be a quote, a line break or NUL")
    .optional()
    .describe("csv: the character between fields; found among , ; tab | when absent"),
  has_header: z
    .boolean()
    .optional()
    .describe(
      "csv, xlsx, html with table: whether the first row names the columns (default); else they are column_1, column_2 ...",
    ),
  header_row: z
    .int()
    .min(1)
    .max(1_048_576)
    .optional()
    .describe("xlsx: the number of the row that names the columns; default the first row with a value"),
  sheet: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe("xlsx: the name of the sheet to read; default the first visible one"),
  record_path: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .describe(
      "json: where the records are: dotted (data.items), or a JSON Pointer (/data/items), default the only array; xml: the names from the root to the records (catalog.book), default the elements that repeat",
    ),
  table: z
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe("html: read the rows of this table, counted from 1, and nothing else"),
  copybook: z
    .string()
    .min(1)
    .max(262_144)
    .optional()
    .describe("fixed_width: the COBOL copybook that describes a record"),
  charset: z
    .enum(["ascii", "cp037"])
    .optional()
    .describe("fixed_width: what the text in the records is, default ascii"),
  records: z
    .enum(["fixed", "lines"])
    .optional()
    .describe("fixed_width: whether records follow each other directly or stand on lines; default lines for ascii"),
  encoding: z
    .enum(["utf-8", "utf-16le", "utf-16be", "windows-1252"])
    .optional()
    .describe(
      "every text format: how the text is encoded, default what an XML or HTML file says of itself, else utf-8; a byte order mark in the file prevails",
    ),
});
