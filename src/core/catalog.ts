import { z } from "zod";
import { UnknownJob } from "./errors.ts";
import type { JobDefinition } from "./job.ts";
import type { QueueDefinition } from "./queue.ts";
import type { ReportDefinition } from "./report.ts";
import { UnknownReport } from "./report-key.ts";
import type { ScheduleDefinition } from "./schedule.ts";

/** Every way in which a list of jobs and queues does not fit together, found before anything starts. */
export class InvalidCatalog extends Error {
  readonly code = "invalid_catalog";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Expected a catalog that fits together, found ${problems.length} problem(s):\n  ${problems.join("\n  ")}`);
    this.name = "InvalidCatalog";
    this.problems = problems;
  }
}

/** All jobs, queues, declared schedules and reports of an installation. Light: holding one loads no handler. */
export class Catalog {
  readonly jobs: readonly JobDefinition[];
  readonly queues: readonly QueueDefinition[];
  readonly schedules: readonly ScheduleDefinition[];
  readonly reports: readonly ReportDefinition[];
  readonly #byName: ReadonlyMap<string, JobDefinition>;

  /** Throws InvalidCatalog with every problem at once. */
  constructor(
    jobs: readonly JobDefinition[],
    queues: readonly QueueDefinition[],
    schedules: readonly ScheduleDefinition[] = [],
    reports: readonly ReportDefinition[] = [],
  ) {
    const problems = [
      ...repeated(jobs.map((job) => job.name)).map((name) => `job "${name}" is defined more than once`),
      ...repeated(queues.map((queue) => queue.name)).map((name) => `queue "${name}" is defined more than once`),
      ...repeated(reports.map((report) => report.name)).map((name) => `report "${name}" is defined more than once`),
      ...jobs
        .filter((job) => !queues.includes(job.queue))
        .map((job) => `job "${job.name}" waits in queue "${job.queue.name}", which is not in the catalog`),
      ...repeated(schedules.map(({ name }) => name)).map((name) => `schedule "${name}" is declared more than once`),
      ...schedules
        .filter(({ job }) => !jobs.includes(job))
        .map(({ name, job }) => `schedule "${name}" enqueues "${job.name}", which is not in the catalog`),
      ...jobs.flatMap((job) => [...schemaProblems(job, "payload"), ...schemaProblems(job, "result")]),
    ];
    if (problems.length > 0) throw new InvalidCatalog(problems);
    this.jobs = jobs;
    this.queues = queues;
    this.schedules = schedules;
    this.reports = reports;
    this.#byName = new Map(jobs.map((job) => [job.name, job]));
  }

  find(name: string): JobDefinition | undefined {
    return this.#byName.get(name);
  }

  /** Throws UnknownJob. */
  get(name: string): JobDefinition {
    const job = this.find(name);
    if (!job) throw new UnknownJob(name);
    return job;
  }

  /** Throws UnknownReport. */
  report(name: string): ReportDefinition {
    const report = this.reports.find((candidate) => candidate.name === name);
    if (!report) throw new UnknownReport(name);
    return report;
  }

  /** Load every handler of the given queues, as a worker does at boot. Rejects with InvalidCatalog, all problems at once. */
  async loadHandlers(queues: readonly QueueDefinition[] = this.queues): Promise<void> {
    const loads = this.jobs.filter((job) => queues.includes(job.queue)).map(handlerProblem);
    const problems = (await Promise.all(loads)).filter((problem) => problem !== null);
    if (problems.length > 0) throw new InvalidCatalog(problems);
  }
}

async function handlerProblem(job: JobDefinition): Promise<string | null> {
  try {
    const { handle } = await job.handler();
    return typeof handle === "function" ? null : `the handler of job "${job.name}" exports no function named "handle"`;
  } catch (error) {
    return `the handler of job "${job.name}" does not load: ${(error as Error).message}`;
  }
}

function schemaProblems(job: JobDefinition, part: "payload" | "result"): string[] {
  try {
    z.toJSONSchema(job[part], { io: part === "payload" ? "input" : "output" });
    return [];
  } catch (error) {
    return [`the ${part} schema of job "${job.name}" cannot become JSON Schema: ${(error as Error).message}`];
  }
}

function repeated(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
