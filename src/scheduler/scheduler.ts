import type { Catalog } from "#core/catalog.ts";
import { seconds } from "#core/duration.ts";
import type { Log } from "#core/handler.ts";
import { Audit } from "../access/audit.ts";
import { type Database, isConnectionError } from "../ledger/database.ts";
import type { Incidents } from "../ledger/incidents.ts";
import type { Listener } from "../ledger/listener.ts";
import { Schedules } from "../ledger/schedules.ts";
import type { Producer } from "../producer/producer.ts";
import { DeclaredSchedules } from "./declared.ts";
import { DueBatch } from "./firing.ts";
import { HousePause } from "./house-pause.ts";

/** Changes are told by Postgres; this is for what nobody tells: its clock was set, or another scheduler died with a batch. */
const lookMs = seconds(30);
const retryMs = seconds(1);
/** Something is due and somebody else holds it: look again soon, in case it dies. */
const heldMs = { first: 20, most: 1_000 };

/**
 * Fires schedules. Sleeps until the next one is due, by Postgres's clock, and wakes when one is changed; any number may run.
 * What makes a tick happen once is the transaction of `DueBatch`; everything here may be late, early or double.
 * A Postgres that is away is waited out.
 */
export class Scheduler {
  readonly #database: Database;
  readonly #listener: Listener;
  readonly #schedules: Schedules;
  readonly #batch: DueBatch;
  readonly #declared: DeclaredSchedules;
  readonly #log: Log;
  #timer: NodeJS.Timeout | null = null;
  #pass: Promise<void> | null = null;
  #again = false;
  #started = false;
  #stopped = false;
  #reconciled = false;
  #heldMs = heldMs.first;
  #unhear: (() => void)[] = [];

  constructor(options: {
    database: Database;
    listener: Listener;
    producer: Producer;
    catalog: Catalog;
    incidents: Incidents;
    /** Where the wall clock of declared schedules hangs that name no zone. */
    timeZone: string;
    log: Log;
  }) {
    this.#database = options.database;
    this.#listener = options.listener;
    this.#log = options.log;
    const schedules = new Schedules(options.database.schema);
    const audit = new Audit(options.database);
    const pause = new HousePause({ ...options, schedules, audit });
    this.#schedules = schedules;
    this.#batch = new DueBatch({ ...options, schedules, pause });
    this.#declared = new DeclaredSchedules({ ...options, schema: options.database.schema, schedules, audit, pause });
  }

  /** Resolves after the first look: what is declared has been reconciled, unless Postgres is away; then it will be. */
  async start(): Promise<void> {
    if (this.#started || this.#stopped) return;
    this.#started = true;
    await this.#listener.start();
    this.#unhear = [
      this.#listener.on("schedules", () => this.#wake()),
      this.#listener.onGap(() => this.#wake()), // changes may have gone unheard
    ];
    this.#wake();
    await this.#pass;
  }

  /** Resolves when the transaction that is under way has ended, or the deadline has passed; its schedules then are as before. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true;
    for (const unhear of this.#unhear) unhear();
    if (this.#timer) clearTimeout(this.#timer);
    if (!this.#pass) return;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, deadlineMs);
    await Promise.race([this.#pass, late.promise]);
    clearTimeout(timer);
  }

  #wake(): void {
    if (this.#stopped) return;
    if (this.#pass) {
      this.#again = true;
      return;
    }
    if (this.#timer) clearTimeout(this.#timer);
    this.#again = false;
    this.#pass = this.#look()
      .catch((error: Error) => {
        this.#log.warn({ error: error.message }, "scheduler.look_failed");
        return retryMs;
      })
      .then((waitMs) => {
        this.#pass = null;
        if (this.#stopped) return;
        if (this.#again) this.#wake();
        else this.#timer = setTimeout(() => this.#wake(), waitMs);
      });
  }

  /** What is stored fires also when something declared cannot be: that is tried again at the next look. */
  async #reconcile(): Promise<void> {
    try {
      await this.#declared.reconcile();
      this.#reconciled = true;
    } catch (error) {
      if (isConnectionError(error)) throw error;
      this.#log.error({ error: (error as Error).message }, "schedules.not_reconciled");
    }
  }

  /** Fire what is due. Answers how long to sleep. */
  async #look(): Promise<number> {
    if (!this.#reconciled) await this.#reconcile();
    let fired = 0;
    for (let more = true; more && !this.#stopped; ) {
      const done = await this.#batch.fire();
      fired += done.fired;
      more = done.more;
    }
    const waitMs = await this.#schedules.untilNextDue(this.#database);
    if (waitMs !== null && waitMs <= 0 && fired === 0) {
      const heldFor = this.#heldMs;
      this.#heldMs = Math.min(heldFor * 2, heldMs.most);
      return heldFor;
    }
    this.#heldMs = heldMs.first;
    return Math.min(Math.max(Math.ceil(waitMs ?? lookMs), 0), lookMs);
  }
}
