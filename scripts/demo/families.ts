import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { JobLine } from "../../src/client/client.ts";
import type { ProviderRig } from "./ai/provider-rig.ts";
import { askQuestions } from "./ai/work.ts";
import type { Cluster } from "./cluster.ts";
import { makeDocuments } from "./documents/work.ts";
import { type Group, Progress } from "./progress.ts";
import type { Evidence } from "./proof.ts";
import { remind } from "./reminders/work.ts";
import { readReports } from "./reports/work.ts";
import type { Screen } from "./screen.ts";
import { platformNames } from "./tenants.ts";
import { jobsOf } from "./way.ts";

const drawEveryMs = 100;

export interface FamilyOptions {
  readonly cluster: Cluster;
  readonly rig: ProviderRig;
  readonly screen: Screen;
  /** Where files go. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/**
 * All four families at the same time: the others begin when the documents are asked for. When one of them fails the others
 * are given up, and it rejects once they have cleaned up behind them.
 */
export async function workFamilies(
  options: FamilyOptions,
): Promise<{ readonly groups: readonly Group[]; readonly evidence: Evidence }> {
  const { cluster, rig, screen, folder } = options;
  const givenUp = new AbortController();
  const signal = AbortSignal.any([options.signal, givenUp.signal]);
  const progress = new Progress(screen);
  const tallies = {
    reminders: progress.tally("Reminders of a quarter"),
    reports: progress.tally("Report reads"),
    ai: progress.tally("AI answers"),
  };
  const asked = Promise.withResolvers<void>();
  asked.promise.catch(() => undefined); // whoever waits for it hears of it

  const documents = makeDocuments({
    ...{ cluster, screen, progress, folder, signal },
    workers: cluster.workers,
    onAsked: () => {
      screen.say();
      screen.say(screen.style("bold", "Working"));
      asked.resolve();
    },
  });
  documents.catch((error) => asked.reject(error));
  const begun = <T>(work: () => Promise<T>) => asked.promise.then(work);
  const works = [
    documents,
    begun(() => remind({ cluster, tally: tallies.reminders, folder: join(folder, "mail", cluster.run), signal })),
    begun(() =>
      readReports({
        ...{ cluster, tally: tallies.reports, folder: join(folder, "reports"), signal },
        documentsMade: documents,
      }),
    ),
    begun(async () => askQuestions({ way: await cluster.connect("complianceai", "producer"), rig, tally: tallies.ai })),
  ] as const;
  for (const work of works) work.catch(() => givenUp.abort());
  const ended = Promise.allSettled(works);
  await drawUntil(ended, progress);
  await ended;
  screen.keep();
  screen.say();
  const [{ groups, evidence: made }, reminders, reports, ai] = await Promise.all(works);
  return { groups, evidence: { documents: made, reminders, reports, ai, jobs: await allJobs(cluster) } };
}

async function drawUntil(ended: Promise<unknown>, progress: Progress): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (; !over; await delay(drawEveryMs)) progress.refresh();
  progress.refresh();
}

/** Every job of this run's tenants. */
async function allJobs(cluster: Cluster): Promise<readonly JobLine[]> {
  const jobs: JobLine[] = [];
  for (const platform of platformNames) {
    jobs.push(...(await jobsOf(await cluster.connect(platform, "viewer"))));
  }
  return jobs;
}
