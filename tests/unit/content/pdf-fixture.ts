import { deflateSync } from "node:zlib";

/** A line of text of a PDF page, with the pieces that stand on it. */
export type PdfLine = readonly { readonly x: number; readonly text: string }[];

/** A PDF of one font, written here since it is the broken ones that are wanted; `encrypt` adds a dictionary that asks for a password. */
export function pdfOf(pages: readonly (readonly PdfLine[])[], { encrypt = false } = {}): Buffer {
  const objects: string[] = [];
  const kids = pages.map((_, index) => `${4 + index * 2} 0 R`).join(" ");
  objects.push("<< /Type /Catalog /Pages 2 0 R >>");
  objects.push(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`);
  objects.push("<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>");
  for (const [index, lines] of pages.entries()) {
    const content = lines
      .flatMap((line, row) =>
        line.map(
          ({ x, text }) => `BT /F1 10 Tf 1 0 0 1 ${x} ${700 - row * 14} Tm (${text.replace(/[()\\]/g, "\\$&")}) Tj ET`,
        ),
      )
      .join("\n");
    const resources = "/Resources << /Font << /F1 3 0 R >> >>";
    objects.push(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] ${resources} /Contents ${5 + index * 2} 0 R >>`);
    objects.push(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
  }
  let file = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const offset = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const start = file.length;
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const key = "<".concat("41".repeat(32), ">");
  const locked = encrypt
    ? ` /Encrypt << /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O ${key} /U ${key} >> /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]`
    : "";
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}`;
  file += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R${locked} >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(file, "latin1");
}

/** A PDF whose one page packs these commands; without a directory, which its readers make themselves. */
export function packedPdf(commands: Uint8Array): Buffer {
  const packed = deflateSync(commands, { level: 1 });
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents 5 0 R >>",
  ];
  const before = objects.map((object, index) => `${index + 1} 0 obj\n${object}\nendobj\n`).join("");
  const head = `%PDF-1.4\n${before}5 0 obj\n<< /Length ${packed.length} /Filter /FlateDecode >>\nstream\n`;
  return Buffer.concat([Buffer.from(head), packed, Buffer.from("\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n")]);
}
