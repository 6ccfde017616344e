/**
 * A Content-Disposition header (RFC 6266): an ASCII name for old readers and the whole name in UTF-8. Safe for any text:
 * control characters, path separators and quotes never reach a header or a disk.
 */
export function contentDisposition(kind: "attachment" | "inline", fileName: string): string {
  const name =
    fileName
      .toWellFormed()
      .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\]/gu, "_")
      .replace(/^\.+/, "_")
      .trim() || "download";
  const ascii = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\x20-\x7e]/gu, "_")
    .replace(/["%]/g, "_");
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
