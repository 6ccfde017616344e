/**
 * The ledger of jobs. One row per job with a ledger row, from acceptance to the end of its retention.
 * Hot updates (start, progress) touch no indexed column, so that they stay within the page (fillfactor leaves room).
 */
export const up = (schema: string): string => `
  create table ${schema}.jobs (
    id uuid primary key,
    tenant text not null,
    job text not null,
    queue text not null,
    state text not null check (state in
      ('scheduled','accepted','queued','running','retrying','completed','dead','cancelled','expired')),
    priority text not null check (priority in ('high','normal','low')),
    payload json not null,
    retry_attempts integer not null check (retry_attempts > 0),
    run_at timestamptz not null,
    relay_at timestamptz,
    accepted_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    expires_at timestamptz,
    attempt integer not null default 0,
    spent integer not null default 0,
    lease text,
    cancel_requested_at timestamptz,
    attempts jsonb not null default '[]',
    progress real not null default 0,
    progress_note text,
    result json,
    error jsonb,
    deduplication_key text,
    tags text[],
    correlation_id text,
    traceparent text,
    revision integer not null default 1,
    constraint jobs_finished_when_terminal check
      ((finished_at is not null) = (state in ('completed','dead','cancelled','expired'))),
    constraint jobs_leased_when_running check ((lease is not null) = (state = 'running'))
  ) with (fillfactor = 80);

  comment on column ${schema}.jobs.relay_at is 'when the relay may dispatch it; null once an engine holds it or it ended';
  comment on column ${schema}.jobs.revision is 'grows with every visible change; the id of a server-sent event';

  create index jobs_relay on ${schema}.jobs (relay_at) where relay_at is not null;
  create unique index jobs_living_key on ${schema}.jobs (tenant, job, deduplication_key)
    where deduplication_key is not null and finished_at is null;
  create index jobs_open on ${schema}.jobs (queue) where finished_at is null;
  create index jobs_of_tenant on ${schema}.jobs (tenant, id desc);
  create index jobs_dead on ${schema}.jobs (tenant, id desc) where state = 'dead';
  create index jobs_tags on ${schema}.jobs using gin (tags) where tags is not null;
  create index jobs_expiry on ${schema}.jobs (expires_at) where expires_at is not null and finished_at is null;
`;
