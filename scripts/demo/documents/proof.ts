import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { GeneratedDocument } from "#jobs/documents/generate.job.ts";
import type { VerifiedDocuments } from "#jobs/operations/verify-documents.job.ts";
import { type Client, type DocumentVersion, type JobView, ProblemError } from "../../../src/client/client.ts";
import type { Killed } from "./kill.ts";

/** One accepted document job, as the API shows it and its document afterwards. */
export interface Made {
  readonly job: JobView;
  readonly versions: readonly DocumentVersion[];
  /** Hash of the bytes that were downloaded; `null` when there is no document. */
  readonly sha256: string | null;
  /** Where the demo put the PDF. */
  readonly path: string | null;
}

/** What the verdict on documents rests on. */
export interface DocumentEvidence {
  readonly made: readonly Made[];
  /** For each tenant: its stored documents, read back. */
  readonly verified: readonly JobView[];
  /** All jobs of the tenants, by the list of the API. */
  readonly listed: number;
  readonly refusal: ProblemError | null;
  readonly killed: Killed | null;
}

/** Read an ended job and its document, and download the PDF into `folder`, as the application that asked would. */
export async function collect(client: Client, id: string, folder: string): Promise<Made> {
  const job = await client.get(id);
  const result = job.result as GeneratedDocument | null;
  if (job.state !== "completed" || !result) return { job, versions: [], sha256: null, path: null };
  const versions = await client.documents.versions(result.documentId).catch(noneIfUnknown);
  if (versions.length === 0) return { job, versions, sha256: null, path: null };
  const content = await client.documents.content(result.documentId, result.version);
  const bytes = await content.bytes();
  await mkdir(folder, { recursive: true });
  const path = join(folder, basename(versions[0]!.fileName));
  await writeFile(path, bytes);
  return { job, versions, sha256: createHash("sha256").update(bytes).digest("hex"), path };
}

function noneIfUnknown(error: unknown): readonly DocumentVersion[] {
  if (error instanceof ProblemError && error.code === "document_not_found") return [];
  throw error;
}

/** Attempts whose worker vanished. */
export function lostAttempts({ job }: Made): number {
  return job.attempts.filter((attempt) => attempt.outcome === "lost").length;
}

/** What of the verifications came to an end. */
export function readBack({ verified }: Pick<DocumentEvidence, "verified">): {
  readonly checked: number;
  readonly damaged: readonly string[];
} {
  const results = verified.flatMap(({ result }) => (result ? [result as VerifiedDocuments] : []));
  return {
    checked: results.reduce((sum, { checked }) => sum + checked, 0),
    damaged: results.flatMap(({ missing, corrupt }) => [...missing, ...corrupt]),
  };
}

/** What is not as it should be; empty when the documents proved what they were to prove. */
export function documentDifferences(evidence: DocumentEvidence): readonly string[] {
  const { made, verified, listed, refusal, killed } = evidence;
  const found: string[] = [];
  const expect = (holds: boolean, difference: string) => {
    if (!holds) found.push(difference);
  };
  for (const one of made) found.push(...differencesOf(one));
  const documentIds = new Set(made.flatMap(({ versions }) => versions.map(({ documentId }) => documentId)));
  expect(documentIds.size === made.length, `expected ${made.length} different documents, found ${documentIds.size}`);
  const accepted = made.length + verified.length;
  expect(listed === accepted, `expected ${accepted} jobs for documents in the list of the API, found ${listed}`);

  for (const { job, id, state } of verified)
    expect(state === "completed", `${job} ${id}: expected completed, found ${state}`);
  const { checked, damaged } = readBack(evidence);
  expect(checked === made.length, `expected ${made.length} stored versions for the tenants, found ${checked}`);
  expect(damaged.length === 0, `expected every document intact, found damage in ${damaged.join(", ")}`);

  const paths = refusal?.errors.map(({ path }) => path) ?? [];
  expect(
    refusal?.status === 422 && paths.some((path) => path.endsWith("recipient.gstin")),
    `expected the bad GSTIN to be refused with 422 and its path, found ${refusal ? `${refusal.status} at ${paths}` : "no refusal"}`,
  );
  if (!killed) found.push("expected a worker to be killed while it held documents, found the batch over before");
  else
    expect(
      made.some((one) => lostAttempts(one) > 0),
      "expected the killed worker's jobs to show a lost attempt, found none",
    );
  return found;
}

function differencesOf({ job, versions, sha256 }: Made): readonly string[] {
  const name = `${job.job} ${job.id}`;
  if (job.state !== "completed") {
    const why = job.error ? ` (${job.error.code}: ${job.error.message})` : "";
    return [`${name}: expected completed, found ${job.state}${why}`];
  }
  const [version] = versions;
  if (versions.length !== 1 || version!.jobId !== job.id)
    return [`${name}: expected one version, made by this job, found ${versions.length}`];
  const promised = (job.result as GeneratedDocument).sha256;
  if (version!.sha256 !== promised || sha256 !== promised)
    return [`${name}: expected bytes with SHA-256 ${promised}, found ${sha256}`];
  return [];
}
