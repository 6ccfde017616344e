/** Whom reports are mailed to. Addresses stand here alone: jobs, schedules and logs name people by the caller's own ids. */
export const up = (schema: string): string => `
  create table ${schema}.report_recipients (
    tenant text not null,
    id text not null,
    name text not null,
    email text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant, id)
  );
`;
