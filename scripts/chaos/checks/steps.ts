import { type Check, countBy, list, sentences } from "../check.ts";
import type { Evidence, LedgerStep } from "../evidence.ts";
import { kindOf } from "../work/jobs.ts";
import { outcomeOf } from "./effects.ts";

/** A finished step is not done again, and every later attempt gets its value. */
export function checkSteps({ jobs, steps, effects }: Evidence): Check {
  const stepped = jobs.filter(({ job, state }) => kindOf(job) === "steps" && state === "completed");
  const stepsOf = Map.groupBy(steps, ({ jobId }) => jobId);
  const effectsOf = Map.groupBy(effects, ({ jobId, what }) => `${jobId}/${what}`);
  const doings = ({ jobId, name }: LedgerStep) => effectsOf.get(`${jobId}/${name}`) ?? [];
  const mine = stepped.flatMap(({ id }) => stepsOf.get(id) ?? []);

  const again = mine.filter((step) => doings(step).some(({ attempt }) => attempt > step.attempt));
  const wrong = stepped.filter(({ id, result }) => {
    const stored = (stepsOf.get(id) ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ value }) => value);
    return stored.length !== 2 || stored.join() !== result?.steps?.join();
  });
  const byId = new Map(stepped.map((job) => [job.id, job]));
  const unrecorded = mine.flatMap((step) =>
    doings(step)
      .filter(({ run }) => run !== step.value)
      .map((effect) => outcomeOf(byId.get(step.jobId)!, effect)),
  );
  return {
    rows: [
      [
        "steps",
        String(mine.length),
        `done again before they were recorded, after: ${list(countBy(unrecorded, String))}`,
      ],
      ["finished steps done again", String(again.length), "must be 0"],
    ],
    broken: sentences(
      [again.length, "finished steps were done again"],
      [wrong.length, "completed jobs did not get the recorded values of their steps"],
    ),
    suspects: [...again.map(({ jobId }) => jobId), ...wrong.map(({ id }) => id)],
  };
}
