/** Documents and their versions. A version is unique by its job, so that a repeated attempt cannot add a second one. */
export const up = (schema: string): string => `
  create table ${schema}.documents (
    tenant text not null,
    id uuid not null,
    company_id uuid not null,
    template_id text not null,
    latest_version integer not null check (latest_version > 0),
    created_at timestamptz not null default now(),
    primary key (tenant, id)
  );
  create index documents_of_company on ${schema}.documents (tenant, company_id, id desc);

  create table ${schema}.document_versions (
    tenant text not null,
    document_id uuid not null,
    version integer not null check (version > 0),
    job_id uuid not null,
    template_id text not null,
    template_version integer not null,
    locale text not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    size_bytes bigint not null,
    page_count integer not null,
    content_type text not null,
    file_name text not null,
    created_at timestamptz not null default now(),
    primary key (tenant, document_id, version),
    foreign key (tenant, document_id) references ${schema}.documents (tenant, id),
    constraint document_versions_once_per_job unique (tenant, job_id)
  );
`;
