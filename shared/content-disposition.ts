/** The header that makes a browser save what it gets, under a name of any letters (RFC 6266, RFC 8187). */
export function attachmentNamed(filename: string): string {
  const letters = encodeURIComponent(filename.toWellFormed());
  return `attachment; filename*=UTF-8''${letters.replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)}`;
}
