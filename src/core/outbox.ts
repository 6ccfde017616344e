import type { JobDefinition } from "./job.ts";
import type { Priority } from "./priority.ts";

/** A message that this attempt may send, and what it needs to say it. Nobody else sends it meanwhile. */
export interface ClaimedMessage {
  readonly id: string;
  readonly tenant: string;
  /** Shown again when the end of the sending is told. */
  readonly claim: string;
  readonly channel: string;
  readonly stage: string;
  readonly role: "owner" | "manager";
  readonly to: { readonly name: string; readonly email?: string | undefined; readonly slack?: string | undefined };
  readonly obligation: {
    readonly id: string;
    readonly title: string;
    readonly kind: string;
    readonly company: string;
    readonly priority: Priority;
  };
  readonly occursOn: string;
  readonly dueOn: string;
  /** From today in the obligation's zone to the due date; below 0: overdue. */
  readonly daysLeft: number;
}

/** What becomes of a message whose turn has come. */
export type Claim =
  | { readonly kind: "send"; readonly message: ClaimedMessage }
  /** An earlier attempt ended in the middle of the sending, and the channel cannot tell one message from two: it is held. */
  | { readonly kind: "unknown" }
  /** A page of the same incident is on its way: the resolution must come after it. */
  | { readonly kind: "wait" }
  /** Sent before, or not to be sent after all: `state` says which. */
  | { readonly kind: "over"; readonly state: string }
  /** No such message, or another tenant's. */
  | { readonly kind: "missing" };

/** What a sweep did. */
export interface Swept {
  /** Messages whose turn had come: each has a job now. */
  readonly due: number;
  /** Messages whose sender vanished: held as unknown, or to be sent again. */
  readonly lost: number;
  /** Obligations that were planned again, because time went on or a holiday was declared. */
  readonly replanned: number;
}

/** The messages of reminders as handlers see them: rows, written before they are sent. */
export interface Outbox {
  /** Give every due message a `job` with the payload `{deliveryId}`, and look after what is lost or to be planned again. */
  sweep(
    job: JobDefinition,
    options: { readonly signal: AbortSignal; readonly repeatable: readonly string[] },
  ): Promise<Swept>;
  /** Take a message to send it. `repeatable`: channels on which one whose sending ended unknown may be sent again. */
  claim(tenant: string, id: string, repeatable: readonly string[]): Promise<Claim>;
  /** It was taken by the other side. */
  sent(message: ClaimedMessage, reference: string): Promise<void>;
  /** It certainly was not: it waits for the next attempt, or has failed when `final`, or when it was tried `maxTries` times. */
  notSent(
    message: ClaimedMessage,
    why: { readonly code: string; readonly final: boolean; readonly maxTries: number },
  ): Promise<"planned" | "failed">;
  /** It was not, and that was nobody's fault: it waits, at least so long. */
  postponed(message: ClaimedMessage, delayMs: number): Promise<void>;
  /** It may have been: it is held, and listed. */
  lost(message: ClaimedMessage, code: string): Promise<void>;
}
