import type { JobView } from "../ledger/job-reader.ts";

/** The job ended without a result, or had not ended in the time given: `job.state` says which. Match on `code`. */
export class JobNotCompleted extends Error {
  /** The job's own error code; without one its state. */
  readonly code: string;
  readonly job: JobView;

  constructor(job: JobView) {
    super(job.error?.message ?? `Expected job ${job.id} to complete, found it ${job.state}`);
    this.name = "JobNotCompleted";
    this.code = job.error?.code ?? job.state;
    this.job = job;
  }
}
