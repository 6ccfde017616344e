/**
 * Repeatable work. `sweeps` is not used any more; it stays for schedulers of the release before, which go on with it while
 * this one is rolled out.
 */
export const up = (schema: string): string => `
  create table ${schema}.schedules (
    id bigint generated always as identity primary key,
    tenant text not null,
    name text not null,
    job text not null,
    payload json not null,
    payload_version integer not null check (payload_version > 0),
    rule json not null,
    overlap text not null check (overlap in ('allow','skip','queue')),
    missed text not null check (missed in ('skip','once','all')),
    spread_ms integer not null check (spread_ms >= 0),
    paused_why text,
    paused_at timestamptz,
    next_tick timestamptz,
    next_note text check (next_note in ('gap','repeat')),
    next_due timestamptz,
    fired bigint not null default 0,
    last_tick timestamptz,
    last_job_id uuid,
    origin text not null check (origin in ('code','api')),
    edited boolean not null default false,
    declared json,
    revision integer not null default 1,
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    unique (tenant, name),
    check ((paused_why is null) = (paused_at is null)),
    check ((next_tick is null) = (next_due is null)),
    check (paused_why is null or next_due is null)
  );
  comment on column ${schema}.schedules.next_due is 'next_tick and its share of spread_ms: when its job is to be enqueued';
  comment on column ${schema}.schedules.declared is 'what the code declares, while something else is in force';
  create index schedules_due on ${schema}.schedules (next_due) where next_due is not null;

  -- No foreign key: a schedule that is deleted leaves its ticks to their retention, whatever their number.
  create table ${schema}.schedule_ticks (
    schedule_id bigint not null,
    tick timestamptz not null,
    until timestamptz,
    count integer default 1,
    outcome text not null check (outcome in ('enqueued','joined','overlapped','merged','missed')),
    job_id uuid,
    recorded_at timestamptz not null default now(),
    primary key (schedule_id, tick)
  );
  comment on column ${schema}.schedule_ticks.until is 'the line is about all ticks from tick up to and including this one';
  create index schedule_ticks_age on ${schema}.schedule_ticks (recorded_at);
`;
