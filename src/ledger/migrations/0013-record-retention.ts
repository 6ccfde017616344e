/** What the records of the families are pruned by: their age. */
export const up = (schema: string): string => `
  create index occurrences_ended on ${schema}.occurrences (state, due_on) where state <> 'open';
  create index obligations_deleted on ${schema}.obligations (deleted_at) where deleted_at is not null;
  create index ai_calls_by_age on ${schema}.ai_calls (started_at);
  create index ai_spend_by_age on ${schema}.ai_spend (starts_on);
`;
