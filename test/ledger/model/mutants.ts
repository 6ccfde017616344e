import type { Mutation } from "./mutable-database.ts";
import type { Operation } from "./operation.ts";

/**
 * Ledgers that are wrong in one place each. `kinds`: what to do to it, where the fault shows so rarely that doing
 * everything would take too long.
 */
export const mutants: readonly (Mutation & { readonly kinds?: readonly Operation["kind"][] })[] = [
  { name: "settle: by any lease", find: "and j.lease = v.lease", put: "", kinds: ["accept", "start", "settle"] },
  { name: "settle: a waiting outcome spends an attempt too", find: "j.spent + v.spend", put: "j.spent + 1" },
  {
    name: "settle: a cancelled job waits for its retry",
    find: "case when j.cancel_requested_at is not null and v.state",
    put: "case when false and v.state",
    kinds: ["accept", "start", "cancel", "settle"],
  },
  {
    name: "settle: keeps the error of the attempt to itself",
    find: /result_blob = v\.result_blob, error = case[\s\S]*?end,/g,
    put: "result_blob = v.result_blob,",
  },
  {
    name: "settle: no watcher is told",
    find: /(progress = case when v\.state[\s\S]*?)revision = j\.revision \+ 1/g,
    put: "$1revision = j.revision",
  },
  {
    name: "start: of a job that has ended",
    find: /and j\.state in \([^)]*\) and \(j\.not_before/g,
    put: "and (j.not_before",
  },
  {
    name: "start: forgets the attempt that was lost",
    find: /attempts = case when j\.state = 'running' and \([\s\S]*?else j\.attempts end/g,
    put: "attempts = j.attempts",
  },
  {
    name: "start: of a job whose cancel was asked",
    find: "case when j.cancel_requested_at is not null then 'cancelled'\n    when",
    put: "case when",
    kinds: ["accept", "start", "cancel"],
  },
  {
    name: "start: a retry expires",
    find: "j.expires_at <= now() and j.attempt = 0 then",
    put: "j.expires_at <= now() and j.state <> 'running' then",
    kinds: ["accept", "start", "settle", "lapse"],
  },
  {
    name: "start: leaves the row to the relay",
    find: /relay_at = null, (revision = j\.revision \+ 1\s+from unnest)/g,
    put: "$1",
  },
  {
    name: "progress: of any lease",
    find: "and j.lease = p.lease",
    put: "",
    kinds: ["accept", "start", "settle", "progress"],
  },
  {
    name: "renew: by any lease",
    find: "and j.lease = c.lease",
    put: "",
    kinds: ["accept", "start", "settle", "renew"],
  },
  {
    name: "hold: by any lease",
    find: /(select id from \S+ where id = \$1) and lease = \$2 (and state = 'running' for no key update)/g,
    put: "$1 and $$2::text is not null $2",
    kinds: ["accept", "start", "settle", "commit"],
  },
  {
    name: "step: by any lease",
    find: /where id = \$1 and lease = \$2 and state = 'running' returning id/g,
    put: "where id = $$1 and $$2::text is not null returning id",
  },
  {
    name: "cancel: of a job that has ended",
    find: "where j.id = f.id and f.finished_at is null",
    put: "where j.id = f.id",
  },
  {
    name: "expire: takes what an attempt began",
    find: "finished_at is null and attempt = 0",
    put: "finished_at is null and state <> 'running'",
    kinds: ["accept", "start", "settle", "lapse", "expire"],
  },
  { name: "redrive: of any job", find: "and state = 'dead'", put: "and state <> 'running'" },
  { name: "redrive: nobody dispatches it", find: "relay_at = now() + interval '3 seconds', ", put: "" },
  { name: "bury: of a job that has ended", find: "where id = $1 and finished_at is null", put: "where id = $1" },
  {
    name: "accept: the deduplication key is lost",
    find: /deduplication_key(, tags, correlation_id, traceparent, coalesce)/g,
    put: "null$1",
  },
  {
    name: "accept: nobody dispatches it",
    find: /greatest\(run_at, clock_timestamp\(\)\)[^,]*relay_grace_ms[^,]*,/g,
    put: "null,",
  },
  {
    name: "mark: of a job that has begun",
    find: "and state in ('accepted','scheduled') for update skip locked",
    put: "and finished_at is null for update skip locked",
  },
  {
    name: "relay: a deferred row is forgotten",
    find: "set relay_at = now() + interval '2 seconds'",
    put: "set relay_at = null",
  },
  {
    name: "promote: before the predecessor has ended",
    find: "and (p.id is null or p.finished_at is not null)",
    put: "",
    kinds: ["accept", "start", "settle", "promote"],
  },
];
