/** API keys (the secret only as a scrypt hash) and dashboard sessions (the token only as a SHA-256 hash). */
export const up = (schema: string): string => `
  create table ${schema}.api_keys (
    id text primary key,
    name text not null,
    tenant text not null,
    role text not null check (role in ('producer','viewer','operator','admin')),
    salt bytea not null,
    hash bytea not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
  );

  create table ${schema}.sessions (
    token_hash bytea primary key,
    key_id text not null,
    tenant text not null,
    role text not null check (role in ('viewer','operator','admin')),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
  );

  create table ${schema}.audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    tenant text not null,
    actor text not null,
    action text not null,
    subject text not null,
    details jsonb not null default '{}'
  );
  create index audit_of_tenant on ${schema}.audit (tenant, id desc);
`;
