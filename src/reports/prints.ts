import type { Catalog } from "#core/catalog.ts";
import type { ReportPlace } from "#core/report-key.ts";
import type { DocumentStore, DocumentVersion } from "#core/services.ts";
import type { JobView } from "../ledger/job-reader.ts";
import type { Producer } from "../producer/producer.ts";
import type { Copy } from "./copy.ts";
import { printJob, toPrint } from "./printing.ts";
import { ReportUnavailable } from "./reader.ts";

/** A print that is there, or the job that makes it. */
export type Printed = { readonly version: DocumentVersion } | { readonly jobId: string };

/** Prints results of reports through the documents family: a result is printed once, whoever asks for it. */
export class ReportPrints {
  readonly #catalog: Catalog;
  readonly #documents: DocumentStore;
  readonly #producer: Producer;

  constructor(options: { catalog: Catalog; documents: DocumentStore; producer: Producer }) {
    this.#catalog = options.catalog;
    this.#documents = options.documents;
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
}
