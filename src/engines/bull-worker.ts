import { type RedisQueueBackend, Worker } from "bullmq";
import { governFailure, type RedisJobData } from "./redis-job.ts";

/**
 * BullMQ's worker with three things it lacks: it can be left without waiting for Redis, it says how many verdicts are on
 * their way, and what its connections are like. And how its jobs fail is said here, not in every message.
 */
export class BullWorker extends Worker<RedisJobData> {
  #telling = 0;

  /** Verdicts that Redis has not confirmed yet. */
  get telling(): number {
    return this.#telling;
  }

  /** State of the main connection and of the one that blocks for work, in ioredis' words; `ready` is well. */
  connections(): { readonly main: string; readonly blocking: string } {
    const { connection, blockingConnection } = this.backend as RedisQueueBackend;
    return { main: statusOf(connection), blocking: statusOf(blockingConnection) };
  }

  /** Leave now, whatever Redis does: no timer, no connection of BullMQ's is left. What was claimed is left to its lease. */
  async abandon(): Promise<void> {
    await this.pause(true); // ends the look for stalled jobs
    await this.lockManager.close();
    await this.backend.close(true);
  }

  protected override createJob(
    ...call: Parameters<Worker<RedisJobData>["createJob"]>
  ): ReturnType<Worker<RedisJobData>["createJob"]> {
    const job = super.createJob(...call);
    governFailure(job);
    return job;
  }

  protected override handleCompleted(
    ...call: Parameters<Worker<RedisJobData>["handleCompleted"]>
  ): ReturnType<Worker<RedisJobData>["handleCompleted"]> {
    return this.#tell(super.handleCompleted(...call));
  }

  protected override handleFailed(
    ...call: Parameters<Worker<RedisJobData>["handleFailed"]>
  ): ReturnType<Worker<RedisJobData>["handleFailed"]> {
    return this.#tell(super.handleFailed(...call));
  }

  #tell<Next>(telling: Promise<Next>): Promise<Next> {
    this.#telling += 1;
    const told = () => {
      this.#telling -= 1;
    };
    telling.then(told, told);
    return telling; // itself: the worker is not to wait for the counting
  }
}

function statusOf(connection: unknown): string {
  // Its promise of a client hides the one thing asked for here: how that client is.
  return (connection as { _client?: { status?: string } } | undefined)?._client?.status ?? "none";
}
