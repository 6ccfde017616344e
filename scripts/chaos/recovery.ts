import type { Evidence, LedgerAttempt } from "./evidence.ts";
import type { Inflicted } from "./inflict.ts";
import { workers } from "./plan.ts";

/** What one fault did, and how long until it was over. Milliseconds from the heal; `null`: never. */
export interface Recovery extends Inflicted {
  /** Attempts that were lost to it. */
  readonly lost: number;
  /** To the next sign of life: of the worker or API that was hit, else the next completion anywhere. */
  readonly againMs: number | null;
  /** Until every job accepted before the heal had ended. */
  readonly caughtUpMs: number | null;
}

export function recoveries({ inflicted, jobs, asked, effects }: Evidence): readonly Recovery[] {
  const lost = Map.groupBy(
    jobs.flatMap(({ attempts }) => attempts.filter(({ outcome }) => outcome === "lost")),
    (attempt) => culprit(attempt, inflicted),
  );
  const completions = jobs.flatMap(({ state, finishedAt }) => (state === "completed" ? [finishedAt!] : []));
  const answers = asked.filter(({ answer }) => answer === "accepted").map(({ at }) => at);
  return inflicted.map((one) => {
    const { target } = one.fault;
    const ofWorker = (workers as readonly string[]).includes(target);
    const signs = ofWorker
      ? effects.filter(({ worker }) => worker === target).map(({ at }) => at)
      : target === "api"
        ? answers
        : completions;
    const next = Math.min(...signs.filter((at) => at >= one.healedAt));
    const before = jobs.filter(({ acceptedAt }) => acceptedAt <= one.healedAt);
    const isDone = before.every(({ finishedAt }) => finishedAt !== null);
    return {
      ...one,
      lost: lost.get(one)?.length ?? 0,
      againMs: Number.isFinite(next) ? next - one.healedAt : null,
      caughtUpMs: isDone ? Math.max(0, ...before.map(({ finishedAt }) => finishedAt! - one.healedAt)) : null,
    };
  });
}

/** The fault an attempt fell to: the first that began while it ran, else the one it began in. */
function culprit({ startedAt, finishedAt }: LedgerAttempt, inflicted: readonly Inflicted[]): Inflicted | undefined {
  return (
    inflicted.find(({ beganAt }) => beganAt >= startedAt && beganAt <= finishedAt) ??
    inflicted.find(({ beganAt, healedAt }) => beganAt <= startedAt && healedAt >= startedAt)
  );
}
