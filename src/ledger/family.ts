import type { Database } from "./database.ts";
import type { JobState } from "./job-state.ts";
import { cancelFoundOf } from "./statements.ts";

/** One job that was found, and what became of it: `after` equals `before` where it had ended. */
export interface CancelledMember {
  readonly id: string;
  readonly queue: string;
  readonly before: JobState;
  readonly after: JobState;
}

/** A job and its descendants: the jobs its handler enqueued, those that theirs did, and so on. */
export class Family {
  readonly #database: Database;
  readonly #cancel: string;

  constructor(database: Database) {
    this.#database = database;
    this.#cancel = cancelStatement(database.schema);
  }

  /**
   * Cancel a job and its descendants: those that wait at once, those that run through their signal. Resolves with all
   * members, the job itself first; with none when the tenant has no such job. Safe to repeat.
   */
  async cancel(tenant: string | null, id: string): Promise<readonly CancelledMember[]> {
    const members = new Map<string, CancelledMember>();
    for (let changed = true; changed; ) {
      // Again, because a parent that completed while we waited for its row has accepted its children with it.
      const { rows } = await this.#database.executeSql(this.#cancel, [tenant, id]);
      changed = rows.some((row) => !members.has(row.id));
      for (const { id: member, queue, before, after } of rows)
        if (!members.has(member)) members.set(member, { id: member, queue, before, after });
    }
    const root = members.get(id);
    return root ? [root, ...[...members.values()].filter((member) => member !== root)] : [];
  }
}

// $1 tenant (null: any), $2 id. In the order of ids, so that two who cancel overlapping families wait for each other.
function cancelStatement(schema: string): string {
  const jobs = `${schema}.jobs`;
  return `
    with recursive family as (
      select id from ${jobs} where id = $2 and ($1::text is null or tenant = $1)
      union
      select child.id from ${jobs} child join family on child.parent_id = family.id
    ), found as (
      select id, state, queue, finished_at from ${jobs} where id in (select id from family) order by id for update
    ), ${cancelFoundOf(schema)}
    select f.id, f.queue, f.state as before, coalesce(c.state, f.state) as after,
           (select count(*) from told) + (select count(*) from asked) as told
    from found f left join cancelled c on c.id = f.id`;
}
