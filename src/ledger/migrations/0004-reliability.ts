/** Leases, steps, families of jobs, idempotency keys, what operators set, and what went wrong. */
export const up = (schema: string): string => `
  alter table ${schema}.jobs
    add column lease_until timestamptz,
    add column payload_version integer not null default 1 check (payload_version > 0),
    add column payload_blob text,
    add column result_blob text,
    add column parent_id uuid,
    add column batch_id uuid;
  comment on column ${schema}.jobs.lease_until is 'renewed by the worker; past it, nobody is known to hold the job';
  comment on column ${schema}.jobs.payload_blob is 'SHA-256 of a payload too large for the row; payload is then JSON null';
  create index jobs_children on ${schema}.jobs (parent_id) where parent_id is not null;
  create index jobs_open_of_batch on ${schema}.jobs (batch_id) where batch_id is not null and finished_at is null;
  create index jobs_of_batch on ${schema}.jobs (batch_id) where batch_id is not null;

  create table ${schema}.steps (
    job_id uuid not null references ${schema}.jobs on delete cascade,
    name text not null,
    value json,
    attempt integer not null,
    finished_at timestamptz not null default now(),
    primary key (job_id, name)
  );

  create table ${schema}.batches (
    id uuid primary key,
    tenant text not null,
    total integer not null check (total >= 0),
    completion json,
    completion_job_id uuid,
    counts jsonb,
    created_at timestamptz not null default now(),
    finished_at timestamptz
  );
  create index batches_open on ${schema}.batches (id) where finished_at is null;
  create index batches_of_tenant on ${schema}.batches (tenant, id desc);

  create table ${schema}.idempotency_keys (
    tenant text not null,
    key text not null,
    fingerprint bytea not null,
    status integer,
    location text,
    body json,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (tenant, key)
  );
  create index idempotency_keys_expiry on ${schema}.idempotency_keys (expires_at);

  create table ${schema}.queue_settings (
    queue text primary key,
    paused boolean not null,
    changed_by text not null,
    changed_at timestamptz not null default now()
  );

  create table ${schema}.incidents (
    id bigint generated always as identity primary key,
    kind text not null,
    subject text not null,
    details jsonb not null default '{}',
    seen integer not null default 1,
    opened_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    closed_at timestamptz
  );
  create unique index incidents_open on ${schema}.incidents (kind, subject) where closed_at is null;
`;
