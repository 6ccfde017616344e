/** An occurrence that wants nothing of anybody is over when its day has passed: neither overdue nor withdrawn. */
export const up = (schema: string): string => `
  alter table ${schema}.occurrences drop constraint occurrences_state_check,
    add constraint occurrences_state_check check (state in ('open', 'passed', 'completed', 'withdrawn'));
`;
