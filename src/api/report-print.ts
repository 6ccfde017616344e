import { pipeline } from "node:stream/promises";
import type { Response } from "express";
import type { Catalog } from "#core/catalog.ts";
import type { ReportPlace } from "#core/report-key.ts";
import type { BlobStore, DocumentStore, DocumentVersion } from "#core/services.ts";
import type { JobView } from "../ledger/job-reader.ts";
import type { Producer } from "../producer/producer.ts";
import type { Copy } from "../reports/copy.ts";
import { printJob, toPrint } from "../reports/printing.ts";
import { ReportUnavailable } from "../reports/reader.ts";
import { contentDisposition } from "./content-disposition.ts";

/** A print that is there, or the job that makes it. */
export type Printed = { readonly version: DocumentVersion } | { readonly jobId: string };

/** Prints results of reports through the documents family: a result is printed once, whoever asks for it. */
export class ReportPrints {
  readonly #catalog: Catalog;
  readonly #documents: DocumentStore;
  readonly #blobs: BlobStore;
  readonly #producer: Producer;

  constructor(options: { catalog: Catalog; documents: DocumentStore; blobs: BlobStore; producer: Producer }) {
    this.#catalog = options.catalog;
    this.#documents = options.documents;
    this.#blobs = options.blobs;
    this.#producer = options.producer;
  }

  /**
   * The print of a result. `wait` holds until the job that makes it has ended, or until the reader has waited long enough.
   * Rejects with InvalidInput for rows that cannot be printed, ReportUnavailable when printing failed.
   */
  async print(place: ReportPlace, copy: Copy, wait: (jobId: string) => Promise<JobView | undefined>): Promise<Printed> {
    const { tenant } = place;
    const { documentId, payload } = await toPrint(place, copy);
    const made = await this.#documents.version(tenant, documentId, 1);
    if (made) return { version: made };
    const job = this.#catalog.get(printJob);
    const { id: jobId } = await this.#producer.enqueue(tenant, job, payload, {
      deduplicationKey: `print/${documentId}`,
    });
    const ended = await wait(jobId);
    const version = await this.#documents.version(tenant, documentId, 1);
    if (version) return { version };
    if (ended?.state === "dead") throw new ReportUnavailable(ended.error?.code ?? "dead", 60_000);
    return { jobId };
  }

  async send(res: Response, { sha256, sizeBytes, contentType, fileName }: DocumentVersion): Promise<void> {
    res.set({
      "Content-Type": contentType,
      "Content-Length": String(sizeBytes),
      "Content-Disposition": contentDisposition("attachment", fileName),
      "Content-Security-Policy": "sandbox; default-src 'none'",
    });
    await pipeline(await this.#blobs.read(sha256), res).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error; // the reader left: its right
    });
  }
}
