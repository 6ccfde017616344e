import { hours } from "#core/duration.ts";
import type { Accepted, NewJob } from "../../../src/ledger/acceptance.ts";
import { type Operation, verdicts, type Wanted } from "./operation.ts";

export const tenant = "acme";
export const queue = "tests";
const job = "tests.model";

export interface Payload {
  readonly number: number;
}

export function toAnswer({ id, duplicate, replaced, follows }: Accepted) {
  return { id, duplicate, ...(replaced && { replaced }), ...(follows && { follows }) };
}

export function toRow({ id, number, key, scheduled, due, expiry, mode }: Wanted): NewJob {
  const now = Date.now();
  const expiresAt = { none: undefined, ahead: new Date(now + hours(1)), past: new Date(now - hours(1)) }[expiry];
  return {
    id,
    tenant,
    job,
    queue,
    priority: "normal",
    payload: { number } satisfies Payload,
    payloadVersion: 1,
    retryAttempts: 3,
    runAt: new Date(now - hours(1)),
    scheduled,
    relayGraceMs: due ? 0 : hours(1),
    expiresAt,
    deduplicationKey: key ?? undefined,
    deduplicate: mode,
  };
}

export function toSettlement({ id, lease, verdict, number }: Extract<Operation, { kind: "settle" }>) {
  const common = { id, lease, ...verdicts[verdict] };
  if (verdict === "completed") return { ...common, result: number };
  if (verdict === "released") return common;
  return { ...common, error: { code: verdict as string, message: "as the test says" }, runInMs: 0 };
}

export function deadJob({ id, key }: { readonly id: string; readonly key: string | null }) {
  const at = new Date();
  return {
    id,
    tenant,
    job,
    queue,
    payload: { number: 0 } satisfies Payload,
    payloadVersion: 1,
    retryAttempts: 3,
    acceptedAt: at,
    startedAt: at,
    spent: 1,
    error: { code: "died", message: "The engine's dead letter" },
    deduplicationKey: key ?? undefined,
  };
}
