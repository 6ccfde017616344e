/**
 * Keys that outlive their job, jobs replaced while they wait, successors, and batches that are filled in parts.
 *
 * The living-key index still follows from `deduplication_key is not null and finished_at is null`, so that processes of
 * the release before go on accepting while this one is rolled out.
 */
export const up = (schema: string): string => `
  alter table ${schema}.jobs
    add column deduplicate_until timestamptz,
    add column yielded_key text,
    add column follows uuid,
    add column not_before timestamptz;
  comment on column ${schema}.jobs.deduplicate_until is 'an ended job holds its key until then; null: it lets go when it ends';
  comment on column ${schema}.jobs.yielded_key is 'the key it held until a successor took it over';
  comment on column ${schema}.jobs.follows is 'a successor: the job that must end first; relay_at is infinity meanwhile';
  comment on column ${schema}.jobs.not_before is 'replaced while an engine held it: that entry may come too early';

  drop index ${schema}.jobs_living_key;
  create unique index jobs_living_key on ${schema}.jobs (tenant, job, deduplication_key)
    where deduplication_key is not null and (finished_at is null or deduplicate_until is not null);
  create index jobs_successors on ${schema}.jobs (follows) where follows is not null and finished_at is null;

  drop index ${schema}.jobs_of_batch;
  create index jobs_of_batch on ${schema}.jobs (batch_id, id) where batch_id is not null;
  alter table ${schema}.batches
    add column joined integer not null default 0 check (joined >= 0),
    add column sealed_at timestamptz,
    add column completion_error jsonb;
  comment on column ${schema}.batches.joined is 'requests that joined a job outside: not waited for';
  comment on column ${schema}.batches.sealed_at is 'from then on no job is added, and the batch may finish';
  drop index ${schema}.batches_open;
  create index batches_unfinished on ${schema}.batches (id) where finished_at is null and sealed_at is not null;
`;
