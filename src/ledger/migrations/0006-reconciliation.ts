/** What the reconciliation of ledger and engines stands on: the books, the epochs of Redis, and the house's sweeps. */
export const up = (schema: string): string => `
  -- Pages of one queue's open jobs, in the order of their ids.
  drop index ${schema}.jobs_open;
  create index jobs_open on ${schema}.jobs (queue, id) where finished_at is null;

  -- How many jobs were accepted and how they ended, written by the statement that did it. One row per database connection
  -- (shard: its process id), so that writers never wait for each other; sum them. Room in the page keeps updates in place.
  create table ${schema}.books (
    queue text not null,
    tenant text not null,
    shard integer not null,
    accepted bigint not null,
    completed bigint not null,
    dead bigint not null,
    cancelled bigint not null,
    expired bigint not null,
    primary key (queue, tenant, shard)
  ) with (fillfactor = 50);
  insert into ${schema}.books
  select queue, tenant, 0, count(*),
    count(*) filter (where state = 'completed'), count(*) filter (where state = 'dead'),
    count(*) filter (where state = 'cancelled'), count(*) filter (where state = 'expired')
  from ${schema}.jobs group by queue, tenant;

  create table ${schema}.epochs (
    queue text primary key,
    epoch text not null,
    began_at timestamptz not null default now()
  );
  comment on table ${schema}.epochs is 'the life of each queue in Redis: when Redis says another epoch, or none, it lost the queue';

  create table ${schema}.sweeps (
    name text primary key,
    ticked_at timestamptz not null
  );
`;
