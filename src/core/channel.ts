import { NightshiftError, PermanentError } from "./errors.ts";

/** A message to one person about one thing, ready to be sent by whatever channel. */
export interface Notice {
  /** The message's own id: the same whenever and by whomever it is sent. */
  readonly id: string;
  readonly to: { readonly name: string; readonly email?: string | undefined; readonly slack?: string | undefined };
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Goes with the message where the channel takes files; elsewhere it is left out. */
  readonly attachment?: Attachment;
  readonly severity: "info" | "warning" | "error" | "critical";
  /** What it is about: messages with the same value are one incident to a pager. At most 255 characters. */
  readonly incident: string;
  /** It says that the incident is over. */
  readonly resolves: boolean;
  /** Facts for machines; nothing personal. */
  readonly facts: Readonly<Record<string, string | number>>;
}

/** A file that goes with a message. */
export interface Attachment {
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/** What the outside said to a message that it took. */
export interface Taken {
  /** By which it is found there: a Message-ID, a deduplication key. */
  readonly reference: string;
}

/** A way to reach people. One file each in `src/services/channels/`. */
export interface Channel {
  /** The same notice sent twice is one message to those who get it: so a send whose end is not known is sent again. */
  readonly repeatable: boolean;
  /**
   * Send it, and resolve when the other side has taken it. Rejects with `NotSent` (certainly not taken: try again),
   * `Undeliverable` (never will be), `RetryAfter` (not before then); anything else means that it may or may not have arrived.
   */
  send(notice: Notice, options: { readonly signal: AbortSignal }): Promise<Taken>;
}

/** The other side certainly did not take the message, and may take it later. */
export class NotSent extends NightshiftError {
  readonly code = "message_not_sent";

  constructor(channel: string, reason: string, cause?: unknown) {
    super(`Expected ${channel} to take the message, it did not: ${reason}`, { channel, reason }, { cause });
  }
}

/** The other side refused the message, and will refuse it again: a wrong address, a key that was revoked. */
export class Undeliverable extends PermanentError {
  readonly code = "message_undeliverable";

  constructor(channel: string, reason: string) {
    super(`Expected ${channel} to take the message, it refused for good: ${reason}`, { channel, reason });
  }
}

/** This installation has no such channel: its address is missing from the environment. */
export class ChannelNotConfigured extends PermanentError {
  readonly code = "channel_not_configured";

  constructor(channel: string, variable: string) {
    super(`Expected ${variable} in the worker's environment for the channel "${channel}", found none`, {
      channel,
      variable,
    });
  }
}
