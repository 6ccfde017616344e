import pg from "pg";
import { inject } from "vitest";
import { conform } from "./conformance.ts";
import { Stage } from "./stage.ts";
import { newScope } from "./subject.ts";

const url = inject("databaseUrl");
const scope = newScope();

async function sql(text: string, values: unknown[] = []): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await client.query(text, values).finally(() => client.end());
}

const stage = new Stage(
  { kind: "postgres", url, scope },
  // What another consumer's sweep would have done meanwhile.
  (queue, id) =>
    sql(`UPDATE ${scope}_boss.job SET state = 'retry' WHERE name = $1 AND id = $2 AND state = 'active'`, [
      queue.name,
      id,
    ]),
);
conform(stage, () => sql(`DROP SCHEMA ${scope}_boss CASCADE`));
