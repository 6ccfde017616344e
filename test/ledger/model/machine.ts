import { isTerminal, type JobState } from "../../../src/ledger/job-state.ts";
import { acceptAll } from "./asking.ts";
import { blank, canExpire, end, holder, isNew, type Job, type Model, put, relayed } from "./job.ts";
import { type Operation, verdicts } from "./operation.ts";

/** What the ledger should answer to an operation, and what should then be true. */
export function apply(model: Model, operation: Operation): { model: Model; answer: unknown } {
  switch (operation.kind) {
    case "accept":
      return acceptAll(model, operation.wanted);
    case "recordDead": {
      if (model.jobs.has(operation.id)) return { model, answer: null };
      const { id, key } = operation;
      const dead = { ...blank, id, key, state: "dead", attempt: 1, spent: 1, error: "died" } as const;
      return { model: put(model, dead), answer: null };
    }
    case "relay": {
      const due = [...model.jobs.values()].filter(({ relay, state }) => relay === "due" && isNew(state));
      const { taken } = operation;
      return { model: due.reduce((m, job) => put(m, relayed(job, taken)), model), answer: ids(due) };
    }
    case "expire": {
      const late = [...model.jobs.values()].filter(canExpire);
      return { model: late.reduce((m, job) => put(m, end(job, "expired", "expired")), model), answer: ids(late) };
    }
    case "promote": {
      const ready = [...model.jobs.values()].filter((job) => canBePromoted(model, job));
      const promoted = { state: "accepted", follows: null, relay: "due" } as const;
      return { model: ready.reduce((m, job) => put(m, { ...job, ...promoted }), model), answer: ready.length };
    }
    case "sendAllAgain": {
      const lost = [...model.jobs.values()].filter(({ state }) => state === "queued" || state === "retrying");
      return { model: lost.reduce((m, job) => put(m, sendAgain(job)), model), answer: lost.length };
    }
    case "settleWith": {
      const settled = one(model, operation.id, (job) =>
        settle(job, { ...operation, kind: "settle", verdict: "completed" }),
      );
      if (!settled.answer) return { model, answer: null };
      return acceptAll(settled.model, [operation.child]);
    }
    default:
      return one(model, operation.id, (job) => change(model, job, operation));
  }
}

/** What one job becomes, and the answer to whoever asked for it. */
type Change = readonly [Job, unknown];

function change(
  model: Model,
  job: Job,
  operation: Exclude<
    Operation,
    { kind: "accept" | "relay" | "expire" | "promote" | "sendAllAgain" | "settleWith" | "recordDead" }
  >,
): Change {
  const open = !isTerminal(job.state);
  const held = "lease" in operation && job.lease === operation.lease;
  switch (operation.kind) {
    case "mark":
      return [isNew(job.state) ? { ...job, state: "queued", relay: "none" } : job, null];
    case "start":
      return start(job, operation.lease);
    case "settle":
      return settle(job, operation);
    case "progress":
      return [held ? { ...job, progress: operation.fraction } : job, null];
    case "step":
      return [held ? { ...job, steps: [...job.steps, operation.name] } : job, held];
    case "commit":
      return [held ? { ...job, effects: job.effects + 1 } : job, held];
    case "renew":
      return [held ? { ...job, lapsed: false } : job, held];
    case "leaseOver":
      return [job.state === "running" ? { ...job, lapsed: true } : job, null];
    case "sendAgain": {
      const nobodys = job.state === "queued" || job.state === "retrying" || job.lapsed;
      return nobodys && !operation.stale ? [sendAgain(job), true] : [job, false];
    }
    case "cancel":
      if (job.state === "running") return [{ ...job, cancelAsked: true }, answered(job, "running")];
      if (!open) return [job, answered(job, job.state)];
      return [{ ...end(job, "cancelled", "cancelled"), cancelAsked: true }, answered(job, "cancelled")];
    case "redrive": {
      if (job.state !== "dead") return [job, null];
      if (job.key !== null && holder(model, job.key)) return [job, "key taken"];
      const fresh = { spent: 0, error: null, cancelAsked: false, expiry: "none", relay: "later" } as const;
      return [{ ...job, ...fresh, state: "accepted" }, job.id];
    }
    case "bury":
      return open ? [end(lose(job), "dead", "buried"), true] : [job, false];
    case "fallDue":
      return [job.relay === "later" ? { ...job, relay: "due" } : job, null];
    case "lapse":
      return [open && job.expiry === "ahead" ? { ...job, expiry: "past" } : job, null];
  }
}

function start(job: Job, lease: string): Change {
  if (job.state === "completed") return [job, { kind: "completed", result: job.result }];
  if (isTerminal(job.state)) return [job, { kind: "refused", state: job.state }];
  if (job.lease === lease && !job.cancelAsked)
    return [
      { ...job, lapsed: false },
      { kind: "started", attempt: job.attempt, number: job.number },
    ];
  if (job.cancelAsked) return [end(lose(job), "cancelled", "cancelled"), { kind: "refused", state: "cancelled" }];
  if (canExpire(job)) return [end(job, "expired", "expired"), { kind: "refused", state: "expired" }];
  const attempt = job.attempt + 1;
  const running = {
    state: "running",
    attempt,
    lease,
    leases: [...job.leases, lease],
    relay: "none",
    lapsed: false,
  } as const;
  return [
    { ...lose(job), ...running },
    { kind: "started", attempt, number: job.number },
  ];
}

function settle(job: Job, { lease, verdict, number }: Extract<Operation, { kind: "settle" }>): Change {
  if (job.lease !== lease) return [job, false];
  const { state, outcome, spends } = verdicts[verdict];
  const done = verdict === "completed";
  const settled: Job = {
    ...job,
    state,
    lease: null,
    lapsed: false,
    spent: job.spent + (spends ? 1 : 0),
    outcomes: [...job.outcomes, outcome],
    result: done ? number : null,
    error: done || verdict === "released" ? null : verdict,
    progress: done ? 1 : job.progress,
  };
  // Asked to cancel while it ran: it does not wait for another attempt.
  const stopped = job.cancelAsked && !isTerminal(state);
  return [stopped ? end(settled, "cancelled", "cancelled") : settled, true];
}

function one(model: Model, id: string, of: (job: Job) => Change): { model: Model; answer: unknown } {
  const [job, answer] = of(model.jobs.get(id)!);
  return { model: put(model, job), answer };
}

/** No engine has it any more: the relay is to bring it there. */
function sendAgain(job: Job): Job {
  return { ...lose(job), state: "accepted", lease: null, lapsed: false, relay: "due" };
}

/** A running attempt that somebody else ends. */
function lose(job: Job): Job {
  return job.state === "running" ? { ...job, outcomes: [...job.outcomes, "lost"] } : job;
}

function canBePromoted(model: Model, job: Job): boolean {
  return job.follows !== null && isNew(job.state) && isTerminal(model.jobs.get(job.follows)!.state);
}

function answered(job: Job, after: JobState) {
  return { before: job.state, after };
}

function ids(jobs: readonly Job[]): string[] {
  return jobs.map(({ id }) => id).sort();
}
