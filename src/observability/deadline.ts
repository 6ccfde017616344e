/** Settles as `work` does, or rejects with a DeadlinePassed after `ms`. The work itself is not stopped. */
export async function withDeadline<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new DeadlinePassed(ms)), ms);
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
}

export class DeadlinePassed extends Error {
  readonly code = "deadline_passed";

  constructor(ms: number) {
    super(`Expected an answer within ${ms} ms, got none`);
    this.name = "DeadlinePassed";
  }
}
