import { NightshiftError } from "#core/errors.ts";

/** Why a running attempt's signal was aborted. The reason decides what the attempt comes to, if the handler stops for it. */
export abstract class Interruption extends NightshiftError {}

export class AttemptTimedOut extends Interruption {
  readonly code = "attempt_timed_out";

  constructor(timeoutMs: number) {
    super(`Expected the attempt to end within ${timeoutMs} ms, it did not`, { timeoutMs });
  }
}

export class CancelRequested extends Interruption {
  readonly code = "cancelled";

  constructor() {
    super("Cancelled by request while it ran");
  }
}

export class WorkerDraining extends Interruption {
  readonly code = "worker_draining";

  constructor() {
    super("The worker is shutting down; the attempt is handed back unspent");
  }
}

export class LeaseLost extends Interruption {
  readonly code = "lease_lost";

  constructor() {
    super("The lease ran out while the attempt ran; another worker may hold the job");
  }
}
