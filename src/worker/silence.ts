import type { Pulse } from "../engines/engine.ts";

/** What a look at a pool found. */
export interface Sight {
  /** Epoch ms. */
  readonly at: number;
  /** Jobs that a free slot would get; `null`: the engine did not say, because its store is away. */
  readonly ready: number | null;
  readonly free: number;
  /** Epoch ms of the last job it was given. */
  readonly takenAt: number | null;
  readonly pulse: Pulse;
}

/** `rebuild`: it has been silent for too long. `recovered`: it is no longer what an incident says. */
export type Finding = "well" | "rebuild" | "recovered";

/**
 * When a pool is silent, look by look: work was ready and slots were free all the while and none was taken, or its
 * consumer was dead although its store answers. An outage is not silence (nobody could take anything), nor is a full
 * pool, a paused queue or a used-up rate limit (nothing is ready). Pure: the looking is the watchdog's.
 *
 * well → (silentMs of silence) → rebuild, and again after every further silentMs → recovered, when it takes a job, or
 * when for silentMs it was alive with nothing to take.
 */
export class Silence {
  readonly #limitMs: number;
  /** Epoch ms since when it has been silent; since when its consumer was dead; since when it was idle and alive. */
  #silentSince: number | null = null;
  #deadSince: number | null = null;
  #idleSince: number | null = null;
  /** Epoch ms of the last rebuild that has not brought work yet. */
  #rebuiltAt: number | null = null;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** A rebuilt pool that has not shown since that it works. */
  get suspect(): boolean {
    return this.#rebuiltAt !== null;
  }

  /** For how long, at that instant. */
  lastedMs(at: number): number {
    return at - (this.#silentSince ?? at);
  }

  /** Take account of a look. After `rebuild`, time is counted anew. */
  see({ at, ready, free, takenAt, pulse }: Sight): Finding {
    const silent = ready !== null && ready > 0 && free > 0;
    const taken = (since: number) => takenAt !== null && takenAt > since;
    this.#silentSince = !silent ? null : taken(this.#silentSince ?? at) ? takenAt : (this.#silentSince ?? at);
    this.#deadSince = ready === null || pulse.alive ? null : (this.#deadSince ?? at);
    this.#idleSince = ready === 0 && pulse.alive ? (this.#idleSince ?? at) : null;
    const over = (since: number | null) =>
      since !== null && at - Math.max(since, this.#rebuiltAt ?? 0) >= this.#limitMs;
    if (over(this.#silentSince) || over(this.#deadSince)) {
      this.#rebuiltAt = at;
      return "rebuild";
    }
    if (this.#rebuiltAt === null || !(taken(this.#rebuiltAt) || over(this.#idleSince))) return "well";
    this.#rebuiltAt = null;
    return "recovered";
  }
}
