import type { EngineHold } from "../engines/engine.ts";
import type { OpenJob } from "../ledger/recovery.ts";

/**
 * What is to be done about an open job. `send-again`: nobody has it in view. `clear-and-send`: something of it is left in
 * the engine that will never be delivered and blocks its id. `bury`: the engine has given it up.
 */
export type Remedy = "none" | "send-again" | "clear-and-send" | "bury";

/**
 * Compare a job's row with what its engine holds of it (`undefined`: nothing). Pure.
 *
 * - The relay's jobs (`accepted`, `scheduled`) are the relay's, if it has them in view.
 * - `queued` and `retrying` ones must be in the engine in some way. One that the engine claims (`active`) is about to start,
 *   or has just been released.
 * - A `running` one is its worker's for as long as the lease lives, whatever the engine says. After that the engine's claim
 *   counts; one that waits there again will be delivered, and its start closes the lost attempt.
 */
export function compare(job: OpenJob, held: EngineHold | undefined): Remedy {
  if (job.state === "accepted" || job.state === "scheduled") return job.relayed ? "none" : "send-again";
  if (job.state === "running" && !job.lapsed) return "none";
  switch (held) {
    case undefined:
      return "send-again";
    case "waiting":
    case "delayed":
    case "active":
      return "none";
    case "failed":
      return "bury";
    case "completed":
    case "stray":
      return "clear-and-send";
  }
}
