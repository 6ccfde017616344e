import { createHash } from "node:crypto";
import type { Request, Response } from "express";
import { hours } from "#core/duration.ts";
import { InvalidInput } from "#core/errors.ts";
import type { Database } from "../ledger/database.ts";
import { IdempotencyKeys, type StoredAnswer } from "../ledger/idempotency-keys.ts";
import type { EnqueueContext, Producer } from "../producer/producer.ts";
import { oneTenant } from "./authenticate.ts";
import type { Call, Operation } from "./operation.ts";
import { Refusal } from "./problem.ts";

const keptMs = hours(24);
const keyPattern = /^[\x20-\x7e]{1,255}$/;

/** What an operation answers; sending it is left to whoever asked. */
export interface Reply {
  readonly status: number;
  readonly location?: string;
  readonly body: unknown;
}

/** Documentation that an operation with an Idempotency-Key shares with all others. */
export const idempotent = {
  header: {
    "Idempotency-Key":
      "Makes it safe to send the request again: for 24 hours the same key with the same body gets the first answer " +
      "again. 1 to 255 printable ASCII characters.",
  },
  answerHeader: { "Idempotency-Replayed": "`true` when this is the first answer again." },
  problems: ["idempotency_key_reused", "idempotency_key_in_flight"],
} as const satisfies { problems: Operation["problems"]; header: object; answerHeader: object };

/**
 * Answers requests once (IETF draft-ietf-httpapi-idempotency-key-header). With a key the answer and everything it tells of
 * commit together: a crash leaves both or neither, so a repeated request finds the answer, or is as good as the first.
 * Refused requests store nothing.
 */
export class Idempotency {
  readonly #producer: Producer;
  readonly #keys: IdempotencyKeys;

  constructor(options: { producer: Producer; database: Pick<Database, "schema"> }) {
    this.#producer = options.producer;
    this.#keys = new IdempotencyKeys(options.database.schema);
  }

  /**
   * Do `work` and send its answer, or send the first answer again. `work` must write through its context alone. Throws
   * Refusal: `idempotency_key_in_flight` or `idempotency_key_reused`; InvalidInput for a key that is none.
   */
  async answer(call: Call, work: (context: EnqueueContext) => Promise<Reply>): Promise<void> {
    const { req, res } = call;
    const traceparent = req.get("traceparent");
    const key = readKey(req);
    if (key === undefined) return send(res, toAnswer(await work({ traceparent, atDoor: true })));
    const tenant = oneTenant(call.caller);
    const fingerprint = fingerprintOf(call);
    const { answer, replayed } = await this.#producer.transaction(async (own) => {
      const known = await this.#keys.claim(own.in, tenant, key);
      if (known.kind === "in-flight")
        throw new Refusal("idempotency_key_in_flight", "Expected the first request with this key to be answered", {
          "Retry-After": "1",
        });
      if (known.kind === "answered") {
        if (known.fingerprint.equals(fingerprint)) return { answer: known.answer, replayed: true };
        throw new Refusal(
          "idempotency_key_reused",
          "Expected the request that this key was first sent with, found another: use a new key for a new request",
        );
      }
      const first = toAnswer(await work({ ...own, traceparent, atDoor: true }));
      await this.#keys.keep(own.in, { tenant, key, fingerprint, answer: first, keepMs: keptMs });
      return { answer: first, replayed: false };
    });
    if (replayed) res.set("Idempotency-Replayed", "true");
    send(res, answer);
  }
}

function readKey(req: Request): string | undefined {
  const key = req.get("idempotency-key");
  if (key === undefined || keyPattern.test(key)) return key;
  throw new InvalidInput("The request was refused", [
    { path: "Idempotency-Key", message: "Expected 1 to 255 printable ASCII characters", code: "invalid_format" },
  ]);
}

/** The request as its sender means it: a repetition has the same bytes. */
function fingerprintOf({ req, bytes }: Call): Buffer {
  return createHash("sha256").update(`${req.method} ${req.originalUrl}\n`).update(bytes).digest();
}

function toAnswer({ status, location, body }: Reply): StoredAnswer {
  return { status, location: location ?? null, body: JSON.stringify(body) };
}

function send(res: Response, { status, location, body }: StoredAnswer): void {
  if (location !== null) res.location(location);
  res.status(status).type("application/json").send(body);
}
