import { type Check, countBy, list, sentences } from "../check.ts";
import type { Evidence, LedgerJob } from "../evidence.ts";
import { type ChaosKind, kindOf } from "../work/jobs.ts";
import type { Effect } from "../world.ts";

const withoutKey: readonly ChaosKind[] = ["effect-plain", "steps"];

/** A completed job has had its effect: under a key exactly once, else at least once. Repeats are counted by their cause. */
export function checkEffects({ jobs, effects, keyedAgain }: Evidence): Check {
  const effectsOf = Map.groupBy(effects, ({ jobId }) => jobId);
  const completed = jobs.filter(({ state }) => state === "completed");
  const keyed = completed.filter(({ job }) => !withoutKey.includes(kindOf(job)));
  const plain = completed.filter(({ job }) => kindOf(job) === "effect-plain");
  const keyedWrong = keyed.filter(({ id }) => effectsOf.get(id)?.length !== 1);
  const plainWrong = plain.filter(({ id }) => !effectsOf.has(id));
  const repeats = plain.flatMap((job) =>
    (effectsOf.get(job.id) ?? []).filter(({ run }) => run !== job.result?.run).map((effect) => outcomeOf(job, effect)),
  );
  const again = jobs.flatMap(({ attempts, attempt }) => attempts.filter(({ number }) => number < attempt));
  return {
    rows: [
      [
        "keyed effects",
        String(keyed.length - keyedWrong.length),
        `one for each of ${keyed.length} completed jobs; ${keyedAgain} repeats met the key`,
      ],
      [
        "plain effects",
        String(plain.length - plainWrong.length + repeats.length),
        `for ${plain.length} completed jobs; repeated after: ${list(countBy(repeats, String))}`,
      ],
      ["repeated attempts", String(again.length), `after: ${list(countBy(again, ({ outcome }) => outcome))}`],
    ],
    broken: sentences(
      [keyedWrong.length, "completed jobs do not have exactly one keyed effect"],
      [plainWrong.length, "completed jobs do not have their effect"],
    ),
    suspects: [...keyedWrong, ...plainWrong].map(({ id }) => id),
  };
}

/** How the attempt ended that had an effect. */
export function outcomeOf({ attempts }: LedgerJob, { attempt }: Effect): string {
  return attempts.find(({ number }) => number === attempt)?.outcome ?? "unknown";
}
