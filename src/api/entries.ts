import { z } from "zod";
import type { Catalog } from "#core/catalog.ts";
import { type FieldProblem, InvalidInput } from "#core/errors.ts";
import type { JobDefinition } from "#core/job.ts";
import { enqueueOptions } from "../producer/options.ts";
import type { Entry, Producer } from "../producer/producer.ts";
import { type Caller, requireRoleFor } from "./authenticate.ts";

/** Reads the jobs of a request one by one, so that a bad one does not hide the problems of the others. */
export class EntryReader {
  readonly #jobs: ReadonlyMap<string, JobDefinition>;
  readonly #producer: Producer;

  constructor(catalog: Catalog, producer: Producer) {
    this.#jobs = new Map(catalog.jobs.map((job) => [job.name, job]));
    this.#producer = producer;
  }

  /** One `{job, payload, …options}`; its payload and options are not checked yet. */
  read(raw: unknown, caller: Caller): Entry | FieldProblem[] {
    if (!isObject(raw)) return [{ path: "", message: "Expected a JSON object", code: "invalid_type" }];
    const { job: name, payload, ...options } = raw;
    const job = this.job(name, caller);
    return Array.isArray(job) ? job : { job, payload, options };
  }

  /** All of them, when all can be accepted or only the producer can tell. Throws InvalidInput with every problem else. */
  readAll(raws: readonly unknown[], caller: Caller): Entry[] {
    const read = raws.map((raw) => this.read(raw, caller));
    const entries = read.filter((entry): entry is Entry => !Array.isArray(entry));
    if (entries.length === read.length) return entries;
    throw new InvalidInput(`${raws.length} jobs were refused`, this.problemsOf(read));
  }

  /** What is wrong with them, each under `jobs.<index>`. */
  problemsOf(read: readonly (Entry | FieldProblem[])[]): FieldProblem[] {
    return read.flatMap((entry, index) =>
      below(Array.isArray(entry) ? entry : this.#producer.check(entry), `jobs.${index}`),
    );
  }

  /** Throws Refusal `forbidden` for a job that is not the caller's to enqueue. */
  job(name: unknown, caller: Caller): JobDefinition | FieldProblem[] {
    const job = typeof name === "string" ? this.#jobs.get(name) : undefined;
    if (job) {
      requireRoleFor(job, caller);
      return job;
    }
    const message = "Expected the name of a job. GET /v1/job-types lists them.";
    return [{ path: "job", message, code: typeof name === "string" ? "unknown_job" : "invalid_type" }];
  }
}

/** The jobs of a request, as documented. */
export function entriesShape(catalog: Catalog) {
  const entry = (job: JobDefinition) =>
    z.strictObject({ job: z.literal(job.name), payload: job.payload, ...enqueueOptions.shape });
  return z.array(z.union(catalog.jobs.map(entry)));
}

/** Problems of a part, by their path from the whole. */
export function below(problems: readonly FieldProblem[], path: string): FieldProblem[] {
  return problems.map((problem) => ({ ...problem, path: problem.path === "" ? path : `${path}.${problem.path}` }));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
