/**
 * AI calls: the book of calls, what is spent and may be, cached answers, conversations, and answers on their way. What was
 * asked and answered stands in `ai_answers`, `ai_cache`, `ai_messages` and `ai_drafts`, and nowhere else.
 */
export const up = (schema: string): string => `
  create table ${schema}.ai_calls (
    id uuid primary key,
    tenant text not null,
    job_id uuid not null,
    step text not null,
    attempt integer not null,
    user_id text,
    purpose text not null,
    provider text not null,
    model text not null,
    answered_by text,
    state text not null default 'sent' check (state in ('sent', 'answered', 'failed', 'unknown')),
    estimate_micros bigint not null check (estimate_micros >= 0),
    cost_micros bigint check (cost_micros >= 0),
    price_from date not null,
    charges jsonb not null,
    input_tokens integer,
    cached_input_tokens integer,
    output_tokens integer,
    reasoning_tokens integer,
    error_code text,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    duration_ms integer
  );
  comment on column ${schema}.ai_calls.charges is 'the rows of ai_spend that hold its reservation: [{scope, subject, period, starts_on}]';
  comment on column ${schema}.ai_calls.state is 'unknown: it may have been charged for; its estimate stays counted';
  create index ai_calls_of_job on ${schema}.ai_calls (job_id);
  create index ai_calls_of_tenant on ${schema}.ai_calls (tenant, id desc);
  create index ai_calls_unsettled on ${schema}.ai_calls (tenant, id desc) where state in ('sent', 'unknown');

  create table ${schema}.ai_answers (
    call_id uuid primary key references ${schema}.ai_calls (id) on delete cascade,
    answer jsonb not null,
    created_at timestamptz not null default now()
  );
  create index ai_answers_by_age on ${schema}.ai_answers (created_at);

  create table ${schema}.ai_budgets (
    tenant text not null,
    scope text not null check (scope in ('tenant', 'user', 'feature')),
    subject text not null,
    period text not null check (period in ('day', 'month')),
    limit_micros bigint not null check (limit_micros >= 0),
    hard boolean not null,
    primary key (tenant, scope, subject, period)
  );

  create table ${schema}.ai_spend (
    tenant text not null,
    scope text not null,
    subject text not null,
    period text not null,
    starts_on date not null,
    reserved_micros bigint not null default 0 check (reserved_micros >= 0),
    spent_micros bigint not null default 0 check (spent_micros >= 0),
    hard_micros bigint,
    primary key (tenant, scope, subject, period, starts_on)
  ) with (fillfactor = 50);
  comment on column ${schema}.ai_spend.hard_micros is 'the hard limit as of the last reservation';

  create table ${schema}.ai_cache (
    tenant text not null,
    key text not null,
    leader uuid,
    leads_until timestamptz,
    answer jsonb,
    expires_at timestamptz not null,
    primary key (tenant, key)
  );
  create index ai_cache_by_age on ${schema}.ai_cache (expires_at);

  create table ${schema}.ai_messages (
    id bigint generated always as identity primary key,
    tenant text not null,
    session_id text not null,
    job_id uuid not null,
    role text not null check (role in ('user', 'assistant')),
    content text not null,
    created_at timestamptz not null default now(),
    constraint ai_messages_once_per_job unique (tenant, session_id, job_id, role)
  );
  create index ai_messages_of_session on ${schema}.ai_messages (tenant, session_id, id desc);
  create index ai_messages_by_age on ${schema}.ai_messages (created_at);

  create unlogged table ${schema}.ai_drafts (
    job_id uuid primary key references ${schema}.jobs (id) on delete cascade,
    tenant text not null,
    run integer not null,
    text text not null
  );
`;
