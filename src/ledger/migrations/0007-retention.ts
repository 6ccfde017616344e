/** What pruning looks things up by: ended jobs by age, and who refers to a blob. */
export const up = (schema: string): string => `
  create index jobs_ended on ${schema}.jobs (queue, finished_at) where finished_at is not null;
  create index jobs_payload_blob on ${schema}.jobs (payload_blob) where payload_blob is not null;
  create index jobs_result_blob on ${schema}.jobs (result_blob) where result_blob is not null;
  create index document_versions_blob on ${schema}.document_versions (sha256);
`;
