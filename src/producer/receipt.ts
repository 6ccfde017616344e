import type { JobState } from "../ledger/job-state.ts";

/** What a caller holds once a job is accepted: durable when `enqueue` resolves. */
export interface Receipt {
  readonly id: string;
  readonly job: string;
  readonly queue: string;
  readonly tenant: string;
  readonly state: JobState;
  readonly acceptedAt: string;
  readonly runAt: string;
  /** True when a job held the deduplication key; `id` is that job's. */
  readonly duplicate: boolean;
  /** True when that job had not begun, and is now what this request asked for. */
  readonly replaced: boolean;
}
