import { blank, holder, isNew, type Job, type Model, put } from "./job.ts";
import type { Wanted } from "./operation.ts";

/** What becomes of requests, one after the other, and what they are told. */
export function acceptAll(model: Model, wanted: readonly Wanted[]): { model: Model; answer: unknown } {
  const answer: unknown[] = [];
  let after = model;
  for (const one of wanted) {
    const met = acceptOne(after, one);
    after = met.model;
    answer.push(met.answer);
  }
  return { model: after, answer };
}

function acceptOne(model: Model, { id, number, key, scheduled, due, expiry, mode }: Wanted) {
  const state = scheduled ? "scheduled" : "accepted";
  const job: Job = { ...blank, id, number, key, state, expiry, relay: due ? "due" : "later" };
  const living = key === null ? undefined : holder(model, key);
  if (!living) return { model: put(model, job), answer: { id, duplicate: false } };
  const joined = { id: living.id, duplicate: true };
  if (mode === "join") return { model, answer: joined };
  if (living.attempt === 0) {
    const isRelays = isNew(living.state) && living.follows === null;
    const replaced: Job = { ...living, number, expiry, ...(isRelays && { state, relay: "due" }) };
    return { model: put(model, replaced), answer: { ...joined, replaced: true } };
  }
  if (mode === "replace") return { model, answer: joined };
  const successor: Job = { ...job, state: "scheduled", relay: "never", follows: living.id };
  return {
    model: put(put(model, { ...living, key: null }), successor),
    answer: { id, duplicate: false, follows: true },
  };
}
