/** What a cell's number format shows of its number. */
export type DateKind = "none" | "date" | "datetime" | "time";

const MS_PER_DAY = 86_400_000;
const UNIX_EPOCH_SERIAL = 25_569;
/** The 1904 system, once the Mac's, counts from 1904-01-01. */
const SERIAL_OF_1904 = 1_462;
const LAST_SERIAL = 2_958_465;
/** Serial 60 is 1900-02-29, a day that was not: Lotus 1-2-3 had it, and Excel kept it. */
const PHANTOM_DAY = 60;

/** Kind of a built-in number format (ECMA-376 part 1, 18.8.30, and the East Asian ones). */
export function kindOfBuiltIn(id: number): DateKind {
  if (id === 22) return "datetime";
  if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || (id >= 34 && id <= 36) || (id >= 50 && id <= 58))
    return "date";
  if ((id >= 18 && id <= 21) || id === 32 || id === 33 || id === 45 || id === 47) return "time";
  return "none";
}

/** Excel takes 255; what is longer is no format, and reading it would take time by the square of its length. */
const MAX_CODE_CHARS = 1_024;

/** Kind of a format code such as `yyyy\-mm\-dd hh:mm`; an elapsed time (`[h]:mm`) is a quantity and stays a number. */
export function kindOfFormatCode(code: string): DateKind {
  if (code.length > MAX_CODE_CHARS || /\[(?:h+|m+|s+)\]/i.test(code)) return "none";
  const [positive = ""] = code
    // Literal text, escaped, padding and skipped characters, then colours, conditions and locales.
    .replace(/"[^"]*"?|\\.|[_*]./g, "")
    .replace(/\[[^\]]*\]/g, "")
    .replace(/AM\/PM|A\/P/gi, "h")
    .toLowerCase()
    .split(";", 1);
  if (/general|[0#?@]/.test(positive.replace(/s\.0+/g, "s"))) return "none";
  const time = /[hs]/.test(positive);
  const date = /[yd]/.test(positive) || (!time && /m|e/.test(positive));
  if (date) return time ? "datetime" : "date";
  return time ? "time" : "none";
}

/**
 * The ISO 8601 text of a serial number, or undefined when it is no moment of Excel's calendar (1900-01-01 to 9999-12-31).
 * Without a zone, since a workbook has none; a time is added to a date whenever there is one, so that nothing is lost.
 */
export function serialToIso(serial: number, kind: DateKind, date1904: boolean): string | undefined {
  if (kind === "none" || !(serial >= 0)) return undefined;
  const ms = Math.round(serial * MS_PER_DAY);
  if (ms < MS_PER_DAY && (kind === "time" || (ms > 0 && !date1904))) return timeText(ms);
  const days = Math.floor(ms / MS_PER_DAY) + (date1904 ? SERIAL_OF_1904 : 0);
  const msOfDay = ms % MS_PER_DAY;
  if (days < 1 || days > LAST_SERIAL || days === PHANTOM_DAY) return undefined;
  const sinceEpoch = days - UNIX_EPOCH_SERIAL + (days < PHANTOM_DAY ? 1 : 0);
  const date = new Date(sinceEpoch * MS_PER_DAY).toISOString().slice(0, 10);
  return kind === "date" && msOfDay === 0 ? date : `${date}T${timeText(msOfDay)}`;
}

function timeText(msOfDay: number): string {
  const text = new Date(msOfDay).toISOString().slice(11, 23);
  return text.endsWith(".000") ? text.slice(0, 8) : text;
}
