import { NightshiftError, PermanentError } from "#core/errors.ts";
import { unstorable } from "#core/storable.ts";
import { LeaseNotHeld } from "../ledger/ledger.ts";
import type { Steps } from "../ledger/steps.ts";
import type { Held } from "./context.ts";

/** Larger values belong into the blob store; the step then returns their hash. */
export const stepLimitBytes = 256 * 1_024;

/** Two steps of one handler with the same name would be one step. */
export class StepNameReused extends PermanentError {
  readonly code = "step_name_reused";

  constructor(name: string) {
    super(`Expected every step of an attempt to have a name of its own, found "${name}" twice`, { step: name });
  }
}

export class StepValueRefused extends PermanentError {
  readonly code = "step_value_refused";

  constructor(name: string, expected: string) {
    super(`Expected step "${name}" to resolve with ${expected}`, { step: name });
  }
}

/** A job of a redis-durable queue has no row, so nothing would remember its steps. */
export class StepNeedsLedger extends NightshiftError {
  readonly code = "step_needs_ledger";

  constructor() {
    super('Expected a job of a queue with durability "ledger", found one without a row: its steps could not be stored');
  }
}

/** The attempt whose steps they are. */
type StepOwner = Pick<Held, "jobId" | "lease" | "attempt" | "inLedger" | "regain">;

/** The steps of one attempt: what earlier attempts finished is not done again. */
export class StepMemory {
  readonly #steps: Steps;
  readonly #attempt: StepOwner;
  #used: Set<string> | null = null;
  #finished: Promise<ReadonlyMap<string, unknown>> | null = null;

  constructor(steps: Steps, attempt: StepOwner) {
    this.#steps = steps;
    this.#attempt = attempt;
  }

  async run<Value>(name: string, fn: () => Promise<Value> | Value): Promise<Value> {
    if (!this.#attempt.inLedger) throw new StepNeedsLedger();
    this.#used ??= new Set();
    if (this.#used.has(name)) throw new StepNameReused(name);
    this.#used.add(name);
    this.#finished ??= this.#attempt.attempt > 1 ? this.#steps.of(this.#attempt.jobId) : Promise.resolve(new Map());
    const finished = await this.#finished;
    if (finished.has(name)) return finished.get(name) as Value;

    const value = await fn();
    const { jobId, lease, attempt, regain } = this.#attempt;
    const json = toJson(name, value);
    const save = () => this.#steps.save({ jobId, lease, name, json, attempt });
    if (!(await save()) && !((await regain()) && (await save()))) throw new LeaseNotHeld();
    // What a later attempt would get, so that the two cannot differ: a Date, for one, comes back as text.
    return (json === null ? undefined : JSON.parse(json)) as Value;
  }
}

function toJson(name: string, value: unknown): string | null {
  if (value === undefined) return null;
  const [problem] = unstorable(value, "");
  if (problem) throw new StepValueRefused(name, `a JSON value; ${problem.path || "it"}: ${problem.message}`);
  const json = JSON.stringify(value);
  if (Buffer.byteLength(json) > stepLimitBytes)
    throw new StepValueRefused(name, `at most ${stepLimitBytes} bytes of JSON`);
  return json;
}
