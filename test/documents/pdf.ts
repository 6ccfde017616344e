import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { tool } from "../rig/tools.ts";

/** A PDF as other people's programs see it. */
export interface OpenedPdf {
  /** Text of each page, laid out as on the page. */
  readonly pages: readonly string[];
  /** `pdfinfo`, by label. */
  readonly info: Readonly<Record<string, string>>;
  /** What `qpdf --check` says; it fails the test when the file is damaged. */
  readonly check: string;
}

/** Open bytes with Poppler and qpdf. */
export async function openPdf(bytes: Uint8Array): Promise<OpenedPdf> {
  const folder = await mkdtemp(join(tmpdir(), "nightshift-pdf-"));
  try {
    const file = join(folder, "document.pdf");
    await writeFile(file, bytes);
    const [text, info, check] = await Promise.all([
      output("pdftotext", ["-layout", file, "-"]),
      output("pdfinfo", [file]),
      output("qpdf", ["--check", file]),
    ]);
    const entries = info
      .split("\n")
      .map((line) => line.match(/^([^:]+):\s*(.*)$/)?.slice(1) as [string, string] | undefined);
    return {
      pages: text.split("\f").slice(0, -1),
      info: Object.fromEntries(entries.filter((entry) => entry !== undefined)),
      check,
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function output(name: "pdftotext" | "pdfinfo" | "qpdf", args: readonly string[]): Promise<string> {
  const { command, env } = await tool(name);
  const { stdout } = await promisify(execFile)(command, args, { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}
