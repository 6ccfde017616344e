/** Results of reports with their leases, invalidations by tag, and the tables of the demonstration reports. */
export const up = (schema: string): string => `
  -- One row per question. fence: the newest lease given out; body_fence: the lease under which the body was stored.
  create table ${schema}.report_results (
    tenant text not null,
    key text not null check (key ~ '^[0-9a-f]{64}$'),
    report text not null,
    version integer not null,
    permission text not null,
    params json not null,
    fence bigint not null,
    lease_holder text,
    lease_until timestamptz,
    body bytea,
    gzip boolean,
    etag text,
    body_fence bigint,
    as_of timestamptz,
    row_count integer,
    cost_ms real,
    computations bigint not null default 0,
    failed_at timestamptz,
    failure text,
    touched_at timestamptz not null default now(),
    primary key (tenant, key),
    constraint report_results_whole_body check (
      num_nonnulls(body, gzip, etag, body_fence, as_of, row_count, cost_ms) in (0, 7))
  );
  create index report_results_touched on ${schema}.report_results (touched_at);

  create table ${schema}.report_invalidations (
    tenant text not null,
    tag text not null,
    invalidated_at timestamptz not null,
    primary key (tenant, tag)
  );
  create index report_invalidations_at on ${schema}.report_invalidations (invalidated_at);

  -- Filled by npm run seed: what the reports "revenue" and "active-users" are about.
  create table ${schema}.demo_orders (
    tenant text not null,
    id bigint not null,
    ordered_at timestamptz not null,
    product text not null,
    quantity integer not null check (quantity > 0),
    amount_hundredths bigint not null,
    currency text not null,
    primary key (tenant, id)
  );
  create index demo_orders_by_time on ${schema}.demo_orders (tenant, ordered_at) include (product, quantity, amount_hundredths, currency);

  create table ${schema}.demo_events (
    tenant text not null,
    id bigint not null,
    at timestamptz not null,
    user_id bigint not null,
    kind text not null,
    primary key (tenant, id)
  );
  create index demo_events_by_time on ${schema}.demo_events (tenant, at) include (user_id);
`;
