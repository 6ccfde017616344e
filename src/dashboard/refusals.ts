/** What Bull Board offers and Nightshift does otherwise: the end of the request's path, and where to go instead. */
const otherWays: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /\/add$/,
    "Jobs come in through the API (POST /v1/jobs/{job}), where their payload is checked and they are recorded.",
  ],
  [/\/update-data$/, "An accepted job is not changed. Cancel it, and enqueue the right one through the API."],
  [/\/(delay|priority)$/, "When a job runs and before which others is in its ledger row. Cancel it, and enqueue anew."],
  [
    /\/(empty|obliterate)$/,
    "This would lose jobs that were accepted. Pause the queue, and cancel what should not run.",
  ],
  [/\/clean\/[^/]+$/, "Jobs are cancelled one by one, and what ended goes when its queue's retention says so."],
  [/\/retry\/[^/]+$/, "Only failed jobs can be retried: a completed job has its result."],
  [/\/(concurrency|rate-limit|release)$/, "How a queue is paced is declared in queues/, so that it survives a deploy."],
  [/\/remove-unprocessed-children$/, "Nightshift has no jobs that wait for children."],
  [/\/job-schedulers\//, "Schedules are kept in Postgres. See /v1/schedules in the API."],
];

/** Why a change that the board asked for is not made here, for the person who clicked. */
export function refusalOf(path: string): string {
  const [, way] = otherWays.find(([pattern]) => pattern.test(path)) ?? [];
  return way ?? "The dashboard does not do this. Use the HTTP API.";
}
