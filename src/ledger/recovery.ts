import type { Database } from "./database.ts";
import type { JobState } from "./job-state.ts";
import { tellOf } from "./statements.ts";

/** An open job as reconciliation looks at it. */
export interface OpenJob {
  readonly id: string;
  readonly state: JobState;
  /** Quoted by whoever changes it: what was decided on an older one is not done. */
  readonly revision: number;
  /** The relay has it in view. */
  readonly relayed: boolean;
  /** It runs, and its lease has run out. */
  readonly lapsed: boolean;
}

/** A page of one queue's open jobs, in the order of their ids. */
export interface OpenPage {
  readonly jobs: readonly OpenJob[];
  /** For the next page; `null` on the last one. */
  readonly next: string | null;
}

/** What one page of `sendAllAgain` came to. */
export interface SentPage {
  readonly sent: number;
  readonly next: string | null;
}

const pageSize = 1_000;
const beforeAll = "00000000-0000-0000-0000-000000000000";

/**
 * The ledger's half of reconciliation: what should be in the engines, and how a job that is not gets there again. Jobs are
 * not put into an engine here but given to the relay, which paces itself and repeats what a crash leaves.
 */
export class Recovery {
  readonly #database: Database;
  readonly #sql: ReturnType<typeof statements>;

  constructor(database: Database) {
    this.#database = database;
    this.#sql = statements(database.schema);
  }

  async openIn(queue: string, after: string | null): Promise<OpenPage> {
    const values = [queue, after ?? beforeAll, pageSize];
    const { rows } = await this.#database.executeSql(this.#sql.openIn, values);
    const jobs = rows as OpenJob[];
    return { jobs, next: jobs.length === pageSize ? jobs.at(-1)!.id : null };
  }

  /** The states of those that have a row. */
  async statesOf(ids: readonly string[]): Promise<ReadonlyMap<string, JobState>> {
    const { rows } = await this.#database.executeSql(this.#sql.statesOf, [ids]);
    return new Map(rows.map((row) => [row.id, row.state]));
  }

  /**
   * Give jobs that no engine holds back to the relay: now, or when their delay is over. An attempt that was running is
   * closed as lost, unspent. A job that changed since it was looked at, or whose lease lives, is left alone. Resolves with
   * the ids that were given back.
   */
  async sendAgain(jobs: readonly Pick<OpenJob, "id" | "revision">[]): Promise<readonly string[]> {
    if (jobs.length === 0) return [];
    const values = [jobs.map((job) => job.id), jobs.map((job) => job.revision)];
    const { rows } = await this.#database.hot("recovery_send_again", this.#sql.sendAgain, values);
    return rows.map((row) => row.id as string);
  }

  /**
   * The same for one page of everything that should wait in an engine: it is known to have lost it all. Running jobs are
   * left to their leases. Safe to repeat: what an engine holds after all is not taken twice.
   */
  async sendAllAgain(queue: string, after: string | null): Promise<SentPage> {
    const values = [queue, after ?? beforeAll, pageSize];
    const { rows } = await this.#database.hot("recovery_send_all_again", this.#sql.sendAllAgain, values);
    const { seen, sent, last } = rows[0]!;
    return { sent, next: seen === pageSize ? last : null };
  }
}

function statements(schema: string) {
  const jobs = `${schema}.jobs`;
  const due = "greatest(now(), j.run_at, j.not_before)"; // nulls do not count
  const back = `
    state = case when ${due} > now() then 'scheduled' else 'accepted' end,
    relay_at = ${due}, lease = null, lease_until = null, revision = j.revision + 1`;
  const tell = (from: string) => `
    ${tellOf(schema, from)}, woken as (
      select pg_notify('${schema}_relay', '') where exists (select from ${from})
    )`;
  const lapsed = "(j.state = 'running' and coalesce(j.lease_until, '-infinity') <= now())";

  return {
    // $1 queue, $2 ids after this one, $3 limit.
    openIn: `
      select j.id, j.state, j.revision, j.relay_at is not null as relayed, ${lapsed} as lapsed
      from ${jobs} j where j.queue = $1 and j.finished_at is null and j.id > $2::uuid order by j.id limit $3`,

    statesOf: `select id, state from ${jobs} where id = any($1::uuid[])`,

    // $1 ids, $2 their revisions.
    sendAgain: `
      with sent as (
        update ${jobs} j set
          attempts = case when j.state = 'running' then j.attempts || jsonb_build_object('number', j.attempt,
            'startedAt', j.started_at, 'finishedAt', now(), 'outcome', 'lost', 'error', null) else j.attempts end,
          ${back}
        from unnest($1::uuid[], $2::integer[]) as f (id, revision)
        where j.id = f.id and j.revision = f.revision
          and (j.state in ('queued','retrying') or ${lapsed} or (j.state in ('accepted','scheduled') and j.relay_at is null))
        returning j.id
      ), ${tell("sent")}
      select id, (select count(*) from told) + (select count(*) from woken) as told from sent`,

    // $1 queue, $2 ids after this one, $3 limit. A row that is locked is on its way to another state; the next look has it.
    sendAllAgain: `
      with page as (
        select id from ${jobs} where queue = $1 and finished_at is null and id > $2::uuid order by id limit $3
      ), lost as (
        select j.id from page join ${jobs} j on j.id = page.id
        where j.state in ('queued','retrying') for update of j skip locked
      ), sent as (
        update ${jobs} j set ${back} from lost where j.id = lost.id returning j.id
      ), ${tell("sent")}
      select (select count(*) from page)::int as seen, (select count(*) from sent)::int as sent,
        (select id from page order by id desc limit 1) as last,
        (select count(*) from told) + (select count(*) from woken) as told`,
  };
}
