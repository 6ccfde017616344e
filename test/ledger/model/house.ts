import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Pool } from "pg";
import { inject } from "vitest";
import { hours } from "#core/duration.ts";
import { Books } from "../../../src/ledger/books.ts";
import { KeyTaken } from "../../../src/ledger/deduplication.ts";
import { LeaseNotHeld, Ledger } from "../../../src/ledger/ledger.ts";
import { migrate } from "../../../src/ledger/migrate.ts";
import { Recovery } from "../../../src/ledger/recovery.ts";
import { Steps } from "../../../src/ledger/steps.ts";
import { MutableDatabase, type Mutation } from "./mutable-database.ts";
import type { Operation } from "./operation.ts";
import { deadJob, type Payload, queue, tenant, toAnswer, toRow, toSettlement } from "./rows.ts";
import { type Seen, seen } from "./seen.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** A real Postgres schema and two ledgers on it, as two processes have them. */
export class House implements AsyncDisposable {
  readonly database: MutableDatabase;
  readonly #other: MutableDatabase;
  readonly #ledgers: readonly Ledger[];
  readonly #steps: Steps;
  readonly #recovery: Recovery;
  readonly #books: Books;

  private constructor() {
    const schema = `t_${randomBytes(5).toString("hex")}`;
    const options = { connectionString: inject("databaseUrl"), schema, max: 8, log: silent };
    this.database = new MutableDatabase(options);
    this.#other = new MutableDatabase(options);
    this.#ledgers = [new Ledger(this.database), new Ledger(this.#other)];
    this.#steps = new Steps(this.database);
    this.#recovery = new Recovery(this.database);
    this.#books = new Books(this.database);
  }

  static async open(): Promise<House> {
    const house = new House();
    await migrate(house.database);
    await house.database.executeSql(`create table ${house.database.schema}.effects (job_id uuid not null)`);
    return house;
  }

  /** Break both processes in the same way. */
  mutate(mutation: Mutation): void {
    for (const database of [this.database, this.#other]) database.mutate(mutation);
  }

  /** How many statements the mutation has changed. */
  get hits(): number {
    return this.database.hits + this.#other.hits;
  }

  /** Forget all jobs: the next run begins with nothing. */
  async clear(): Promise<void> {
    const { schema } = this.database;
    await this.database.pool.query(
      `delete from ${schema}.jobs; delete from ${schema}.books; delete from ${schema}.effects`,
    );
  }

  /** Accepted = ended + open, as the books have it and as the rows are. */
  async assertBalanced(accepted: number): Promise<void> {
    const [line] = await this.#books.read();
    assert.equal(line?.missing ?? 0, 0, `the books do not balance: ${JSON.stringify(line)}`);
    assert.equal(line?.accepted ?? 0, accepted, "the books know of every accepted job");
  }

  look(): Promise<ReadonlyMap<string, Seen>> {
    return seen(this.database);
  }

  /** Do it, by the ledger of one of the two processes. Resolves with the answer in the words of `apply`. */
  async perform(operation: Operation, process = 0): Promise<unknown> {
    const ledger = this.#ledgers[process]!;
    switch (operation.kind) {
      case "accept": {
        const jobs = operation.wanted.map(toRow);
        const accepted = jobs.length === 1 ? [await ledger.accept(jobs[0]!)] : await ledger.acceptTogether(jobs);
        return accepted.map(toAnswer);
      }
      case "mark":
        return ledger.markQueued(operation.id).then(() => null);
      case "start": {
        const started = await ledger.start(operation.id, operation.lease, hours(1));
        if (started.kind !== "started") return started;
        return { kind: "started", attempt: started.attempt, number: (started.payload as Payload).number };
      }
      case "settle":
        return ledger.settle(toSettlement(operation));
      case "settleWith": {
        const settlement = toSettlement({ ...operation, kind: "settle", verdict: "completed" });
        const accepted = await ledger.settleWith(settlement, [toRow(operation.child)]);
        return accepted?.map(toAnswer) ?? null;
      }
      case "progress":
        return ledger.progress({ ...operation, note: null }).then(() => null);
      case "step": {
        const { id, lease, name } = operation;
        return this.#steps.save({ jobId: id, lease, name, json: "1", attempt: 1 });
      }
      case "commit":
        return this.#commit(ledger, operation);
      case "renew":
        return (await ledger.renew([operation], hours(1))).has(operation.id);
      case "cancel": {
        const { before, after } = (await ledger.cancel(tenant, operation.id))!;
        return { before, after };
      }
      case "redrive":
        return this.#redrive(ledger, operation.id);
      case "bury":
        return ledger.bury(operation.id, { code: "buried", message: "The engine gave it up" });
      case "recordDead":
        return ledger.recordDead(deadJob(operation)).then(() => null);
      case "relay":
        return this.#relay(ledger, operation.taken);
      case "expire":
        return (await ledger.expire(1_000)).map(({ id }) => id).sort();
      case "promote":
        return ledger.promoteSuccessors(1_000);
      case "leaseOver":
        return this.#pass("lease_until", operation.id);
      case "sendAgain": {
        const stored = (await this.look()).get(operation.id)!.row;
        const revision = stored.revision - (operation.stale ? 1 : 0);
        return (await this.#recovery.sendAgain([{ id: operation.id, revision }])).length === 1;
      }
      case "sendAllAgain":
        return (await this.#recovery.sendAllAgain(queue, null)).sent;
      case "fallDue":
        return this.#pass("relay_at", operation.id);
      case "lapse":
        return this.#pass("expires_at", operation.id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#ledgers.map((ledger) => ledger.stop()));
    await this.database.pool.query(`drop schema ${this.database.schema} cascade`);
    await Promise.all([this.database.stop(), this.#other.stop()]);
  }

  async #commit(ledger: Ledger, held: { readonly id: string; readonly lease: string }): Promise<boolean> {
    try {
      const insert = `insert into ${this.database.schema}.effects values ($1)`;
      await ledger.commit(held, (sql) => sql.executeSql(insert, [held.id]));
      return true;
    } catch (error) {
      if (error instanceof LeaseNotHeld) return false;
      throw error;
    }
  }

  async #redrive(ledger: Ledger, id: string): Promise<unknown> {
    try {
      const due = await ledger.redrive(tenant, id);
      await this.#putOff(this.database.pool, due ? [id] : []);
      return due?.id ?? null;
    } catch (error) {
      if (error instanceof KeyTaken) return "key taken";
      throw error;
    }
  }

  /** A pass of the relay whose engine takes all, or is away. */
  #relay(ledger: Ledger, taken: "all" | "none"): Promise<string[]> {
    return this.database.transaction(async (client) => {
      const runner = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) };
      const due = (await ledger.claimForRelay(runner, 1_000)).map(({ id }) => id);
      if (taken === "all") await ledger.markQueuedIn(runner, due);
      else {
        await ledger.deferRelayIn(runner, due);
        await this.#putOff(client, due);
      }
      return due.sort();
    });
  }

  /** What is due in two or three seconds is due in an hour: no run takes that long. */
  async #putOff(client: Pick<Pool, "query">, due: readonly string[]): Promise<void> {
    const later = `update ${this.database.schema}.jobs set relay_at = relay_at + interval '1 hour' where id = any($1)`;
    if (due.length > 0) await client.query(later, [due]);
  }

  /** Time passes for one waiting job: an instant that lies ahead is over. */
  async #pass(column: "relay_at" | "expires_at" | "lease_until", id: string): Promise<null> {
    const { pool, schema } = this.database;
    const waiting = `id = $1 and finished_at is null and isfinite(${column}) and ${column} > now()`;
    await pool.query(`update ${schema}.jobs set ${column} = now() where ${waiting}`, [id]);
    return null;
  }
}
