import { NightshiftError } from "#core/errors.ts";

/** The time to drain was over before everything was settled. What was left is recovered when its lease runs out. */
export class DrainOverran extends NightshiftError {
  readonly code = "drain_overran";

  constructor(queues: readonly string[]) {
    super(`Expected all work to be settled within the drain, found some left on: ${queues.join(", ")}`, { queues });
  }
}
