import { seconds } from "#core/duration.ts";
import type { JobView } from "../ledger/job-reader.ts";
import { isTerminal } from "../ledger/job-state.ts";
import type { Listener } from "../ledger/listener.ts";
import type { Found, JobLookup } from "../producer/job-lookup.ts";

/** Notifications are hints: whoever waits looks again this often in any case. */
const lookAgainMs = seconds(5);
/** Jobs without a ledger row announce nothing. */
const lookInEngineMs = 100;

/**
 * Tells those who wait for a job when to look again. One subscription to the ledger's notifications serves all waiting
 * requests of the process. Stopping ends every one of them where it stands.
 */
export class JobWatch {
  readonly #lookup: JobLookup;
  readonly #listener: Pick<Listener, "on" | "onGap">;
  readonly #followers = new Map<string, Set<Follower>>();
  #unhear: (() => void)[] = [];
  #stopped = false;

  constructor(options: { lookup: JobLookup; listener: Pick<Listener, "on" | "onGap"> }) {
    this.#lookup = options.lookup;
    this.#listener = options.listener;
  }

  /** Requests that wait now. */
  get waiting(): number {
    let count = 0;
    for (const followers of this.#followers.values()) count += followers.size;
    return count;
  }

  start(): void {
    if (this.#unhear.length > 0 || this.#stopped) return;
    this.#unhear = [
      this.#listener.on("jobs", (ids) => this.#wake(ids)),
      this.#listener.onGap(() => {
        for (const followers of this.#followers.values()) for (const follower of followers) follower.wake();
      }),
    ];
  }

  stop(): void {
    this.#stopped = true;
    for (const unhear of this.#unhear) unhear();
    this.#unhear = [];
    for (const followers of this.#followers.values()) for (const follower of followers) follower.end();
  }

  /**
   * The present view of a job, then a newer one after each change (changes in quick succession may come as one), the
   * last one terminal. Ends without it when `signal` aborts, the process stops, or the job is gone; a job that is not
   * there yields nothing. Rejects when a store does not answer.
   */
  async *follow(tenant: string | null, id: string, signal: AbortSignal): AsyncGenerator<JobView, void, undefined> {
    const follower = this.#join(id);
    const end = () => follower.end();
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    try {
      let shown: JobView | null = null;
      for (let found = await this.#lookup.find(tenant, id); found; found = await this.#again(found, tenant)) {
        const { view } = found;
        if (shown?.revision !== view.revision || shown.state !== view.state) yield view;
        if (isTerminal(view.state)) return;
        shown = view;
        if (!(await follower.changed(found.engineQueue ? lookInEngineMs : lookAgainMs))) return;
      }
    } finally {
      signal.removeEventListener("abort", end);
      this.#leave(id, follower);
    }
  }

  #again({ view, engineQueue }: Found, tenant: string | null): Promise<Found | null> {
    return engineQueue ? this.#lookup.findAgain(engineQueue, tenant, view.id) : this.#lookup.find(tenant, view.id);
  }

  #join(id: string): Follower {
    const follower = new Follower();
    if (this.#stopped) follower.end();
    const followers = this.#followers.get(id) ?? new Set();
    this.#followers.set(id, followers.add(follower));
    return follower;
  }

  #leave(id: string, follower: Follower): void {
    follower.end();
    const followers = this.#followers.get(id);
    followers?.delete(follower);
    if (followers?.size === 0) this.#followers.delete(id);
  }

  #wake(ids: string): void {
    if (this.#followers.size === 0) return;
    for (const id of ids.split(",")) for (const follower of this.#followers.get(id) ?? []) follower.wake();
  }
}

/** One request that waits. A wake that comes while it looks is not lost. */
class Follower {
  #woken = false;
  #ended = false;
  #resume: (() => void) | null = null;

  wake(): void {
    this.#woken = true;
    this.#resume?.();
  }

  end(): void {
    this.#ended = true;
    this.#resume?.();
  }

  /** Wait for the next wake, at most `ceilingMs`. `false` when there is no more to wait for. */
  async changed(ceilingMs: number): Promise<boolean> {
    if (!this.#woken && !this.#ended) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ceilingMs);
        this.#resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#resume = null;
    }
    this.#woken = false;
    return !this.#ended;
  }
}
