import { isTerminal, terminalStates } from "../../../src/ledger/job-state.ts";
import { type Check, countBy, list, sentences } from "../check.ts";
import type { Evidence } from "../evidence.ts";

/** What was accepted is there, once, and has ended, as it was asked to; and the books of the ledger say so too. */
export function checkEnds({ asked, jobs, missing, settledMs, patienceMs }: Evidence): Check {
  const byName = Map.groupBy(jobs, ({ correlationId }) => correlationId);
  const ids = new Set(jobs.map(({ id }) => id));
  const open = jobs.filter(({ state }) => !isTerminal(state));
  const lost = asked.filter(({ answer, correlationId, id }) => {
    if (answer !== "accepted") return false;
    const rows = byName.get(correlationId) ?? [];
    return rows.length === 0 || (id !== null && !ids.has(id)) || rows.some(({ state }) => !isTerminal(state));
  });
  const twice = asked.filter(({ correlationId }) => (byName.get(correlationId)?.length ?? 0) > 1);
  const there = (answer: string) =>
    asked.filter((one) => one.answer === answer && byName.has(one.correlationId)).length;
  const otherwise = asked.flatMap(({ correlationId, mayEnd }) =>
    (byName.get(correlationId) ?? []).filter(({ state }) => isTerminal(state) && !mayEnd.includes(state)),
  );
  const why = (answer: string) => asked.filter((one) => one.answer === answer && one.why !== null);
  const refused = why("refused");
  const unanswered = why("unanswered");
  const failed = refused.filter(({ why }) => why === "internal_error");
  const count = (state: string) => String(jobs.filter((job) => job.state === state).length);
  return {
    rows: [
      ["accepted", String(asked.filter(({ answer }) => answer === "accepted").length), `of ${asked.length} asked for`],
      ["refused", String(refused.length), `${list(countBy(refused, reason))}; there all the same: ${there("refused")}`],
      [
        "unanswered",
        String(unanswered.length),
        `${list(countBy(unanswered, reason))}; there all the same: ${there("unanswered")}`,
      ],
      ["in the ledger", String(jobs.length), "with children and the completions of batches"],
      ...terminalStates.map((state) => [`  ${state}`, count(state), ""] as const),
      ["  open", String(open.length), "must be 0"],
      ["lost", String(lost.length), "accepted, and not there or not ended; must be 0"],
      ["there twice", String(twice.length), "asked for once; must be 0"],
      ["books", String(missing), "difference between what was booked and what is there; must be 0"],
      ["ended otherwise than asked", String(otherwise.length), list(countBy(otherwise, (j) => `${j.job} ${j.state}`))],
    ],
    broken: [
      ...sentences(
        [lost.length, "accepted jobs are not there or have not ended"],
        [open.length, "jobs are open"],
        [twice.length, "jobs were asked for once and are there twice"],
        [failed.length, "jobs were asked for in vain: the API failed (500) instead of saying not now (503)"],
        [missing, "jobs too many or too few in the books"],
      ),
      ...(settledMs === null ? [`Expected all to end within ${patienceMs / 1_000} s after the last fault`] : []),
    ],
    suspects: [...lost, ...open, ...otherwise].flatMap(({ id }) => (id === null ? [] : [id])),
  };
}

function reason({ why }: { readonly why: string | null }): string {
  return why!;
}
