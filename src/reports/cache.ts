import type { ReportPlace } from "#core/report-key.ts";
import type { Copy, Failure } from "./copy.ts";

/** What is known of a question. */
export interface Looked {
  readonly copy: Copy | null;
  /** The last computation failed, and the next one waits a while; `null`: it did not. */
  readonly failure: Failure | null;
  /** The latest invalidation of one of its tags, ms; 0: none. */
  readonly invalidatedAt: number;
}

export const unknown: Looked = { copy: null, failure: null, invalidatedAt: 0 };

/** How often a question was asked. */
export interface Popular {
  readonly report: string;
  readonly version: number;
  readonly permission: string;
  /** Canonical JSON. */
  readonly params: string;
  /** Reads, each counting half as much after each half-life. */
  readonly hits: number;
}

/** One question and how often it was asked since the last time that was told. */
export interface Reads {
  readonly place: ReportPlace;
  readonly count: number;
}

/**
 * The fast store of results: what is in it may be lost at any time. Every call rejects when the store does not answer.
 */
export interface ReportCache {
  look(place: ReportPlace): Promise<Looked>;
  /** Keep a copy for `keepMs`, unless one is there that was computed under the same lease or a newer one. */
  keep(place: ReportPlace, copy: Copy, keepMs: number): Promise<void>;
  /** The last computation failed: no reader asks for another for `backoffMs`. A copy that is kept ends that. */
  keepFailure(place: ReportPlace, failure: Failure, backoffMs: number): Promise<void>;
  /** Remember for `keepMs` when tags were invalidated. An earlier instant than the known one changes nothing. */
  keepInvalidations(tenant: string, tags: ReadonlyMap<string, number>, keepMs: number): Promise<void>;
  /** Add reads at `now`. */
  count(reads: readonly Reads[], now: number): Promise<void>;
  /** Tenants that read anything within a few half-lives. */
  tenants(): Promise<readonly string[]>;
  /** A tenant's most popular questions at `now`, at most `limit`. */
  popular(tenant: string, now: number, limit: number): Promise<readonly Popular[]>;
}
