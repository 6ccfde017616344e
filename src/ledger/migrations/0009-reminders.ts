/**
 * Obligations, their occurrences, and one row for every message that is to go out, written before it is sent.
 *
 * Addresses stand in `obligations.body` alone: a delivery names its recipient by the caller's own id for the person.
 */
export const up = (schema: string): string => `
  create table ${schema}.obligations (
    tenant text not null,
    id uuid not null,
    company text not null,
    kind text not null,
    time_zone text not null,
    body jsonb not null,
    holiday_calendar text,
    holidays_version text not null,
    source_calendar text,
    source_rule text,
    planned_through date not null,
    replan_at timestamptz not null,
    revision integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (tenant, id)
  );
  comment on column ${schema}.obligations.body is 'as accepted, with its defaults; the one place with addresses';
  comment on column ${schema}.obligations.holidays_version is 'of the days off that the plan was made with';
  create index obligations_of_company on ${schema}.obligations (tenant, company, id) where deleted_at is null;
  create unique index obligations_once_per_rule on ${schema}.obligations (tenant, company, source_calendar, source_rule)
    where source_calendar is not null and deleted_at is null;
  create index obligations_to_plan on ${schema}.obligations (replan_at) where deleted_at is null;
  create index obligations_by_holidays on ${schema}.obligations (holiday_calendar, holidays_version)
    where holiday_calendar is not null and deleted_at is null;

  create table ${schema}.occurrences (
    tenant text not null,
    obligation_id uuid not null,
    occurs_on date not null,
    due_on date not null,
    company text not null,
    time_zone text not null,
    state text not null default 'open' check (state in ('open', 'completed', 'withdrawn')),
    acknowledged_at timestamptz,
    snoozed_until date,
    completed_at timestamptz,
    completed_by text,
    evidence text,
    primary key (tenant, obligation_id, occurs_on),
    foreign key (tenant, obligation_id) references ${schema}.obligations (tenant, id)
  );
  comment on column ${schema}.occurrences.occurs_on is 'the day by the rule: what it is known by; due_on is that day after the roll';
  create index occurrences_of_company on ${schema}.occurrences (tenant, company, state, due_on) where state <> 'withdrawn';

  create table ${schema}.deliveries (
    id uuid primary key,
    tenant text not null,
    obligation_id uuid not null,
    occurs_on date not null,
    due_on date not null,
    stage text not null,
    role text not null check (role in ('owner', 'manager')),
    recipient text not null,
    channel text not null,
    fire_at timestamptz not null,
    state text not null check (state in ('planned', 'sending', 'sent', 'failed', 'unknown', 'suppressed', 'superseded')),
    because text,
    sweep_at timestamptz not null,
    tries integer not null default 0,
    claim uuid,
    sending_since timestamptz,
    sent_at timestamptz,
    reference text,
    error_code text,
    constraint deliveries_once unique (tenant, obligation_id, occurs_on, stage, recipient, channel),
    foreign key (tenant, obligation_id, occurs_on) references ${schema}.occurrences (tenant, obligation_id, occurs_on)
  );
  comment on column ${schema}.deliveries.due_on is 'what the message says, or said';
  comment on column ${schema}.deliveries.sweep_at is 'when the sweep looks at it: fire_at, and later again while its job lives';
  comment on column ${schema}.deliveries.claim is 'the attempt that may say how the sending ended';
  create index deliveries_due on ${schema}.deliveries (sweep_at, id) where state = 'planned';
  create index deliveries_sending on ${schema}.deliveries (sending_since) where state = 'sending';
  create index deliveries_ahead on ${schema}.deliveries (tenant, fire_at, id) where state = 'planned';
  create index deliveries_troubled on ${schema}.deliveries (tenant, state, id) where state in ('failed', 'unknown');
`;
