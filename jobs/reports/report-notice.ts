import { createHash } from "node:crypto";
import type { Notice } from "#core/channel.ts";
import type { Recipient, ReportFile } from "#core/report-delivery.ts";

/** What a report's message is made of. */
export interface Mailing {
  readonly jobId: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly file: ReportFile;
  readonly bytes: Uint8Array;
}

/** The message to one recipient, with the file. Pure; its id, and so its Message-ID, follows from the job and the recipient. */
export function reportNotice({ jobId, params, file, bytes }: Mailing, { id, name, email }: Recipient): Notice {
  const { from, to } = params;
  const { title } = file;
  const about = typeof from === "string" && typeof to === "string" ? `${from} to ${to}` : file.asOf.slice(0, 10);
  const asOf = `${file.asOf.slice(0, 16).replace("T", " ")} UTC`;
  const line = `${title}, ${about}, is attached: ${file.fileName}, ${file.rows} ${file.rows === 1 ? "row" : "rows"}, as of ${asOf}.`;
  return {
    id: createHash("sha256").update(`report ${jobId} ${id}`).digest("hex").slice(0, 32),
    to: { name, email },
    subject: `${title}: ${about}`,
    text: `Hello ${name},\n\n${line}\n`,
    html: `<!doctype html><html lang="en"><body><p>Hello ${escaped(name)},</p><p>${escaped(line)}</p></body></html>`,
    severity: "info",
    incident: `nightshift/report/${jobId}`,
    resolves: false,
    facts: { jobId, rows: file.rows },
    attachment: { fileName: file.fileName, contentType: file.contentType, bytes },
  };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
