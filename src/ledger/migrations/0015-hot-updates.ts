/**
 * An index whose condition names `state` counts every change of state as a change of an indexed column: no start could stay
 * within its page, and each wrote to all indexes of its row. Dead jobs are found by their end and their error instead, which
 * completed ones do not have.
 */
export const up = (schema: string): string => `
  drop index ${schema}.jobs_dead;
  create index jobs_unsuccessful on ${schema}.jobs (tenant, id desc) where finished_at is not null and error is not null;
  comment on column ${schema}.jobs.revision is 'grows with every visible change; with the state, the id of a server-sent event';
`;
