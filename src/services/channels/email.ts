import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import MailComposer from "nodemailer/lib/mail-composer";
import { parseConnectionUrl } from "nodemailer/lib/shared";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { type Channel, type Notice, NotSent, type Taken, Undeliverable } from "#core/channel.ts";
import type { Clock } from "#core/clock.ts";
import { seconds } from "#core/duration.ts";

const connectMs = seconds(8);
const replyMs = seconds(12);

/** Puts a notice together as a message of RFC 5322 with text, HTML and its attachment. The same notice has the same Message-ID, always. */
class Composer {
  readonly #from: string;
  readonly #domain: string;
  readonly #clock: Clock;

  constructor({ from, clock }: { from: string; clock: Clock }) {
    this.#from = from;
    this.#domain = /@([\w.-]+)>?$/.exec(from)?.[1] ?? "nightshift.invalid";
    this.#clock = clock;
  }

  async compose(
    notice: Notice,
  ): Promise<{ bytes: Buffer; envelope: { from: string; to: string[] }; messageId: string }> {
    const { email, name } = notice.to;
    if (email === undefined) throw new Undeliverable("email", "the recipient has no address");
    const messageId = `<${notice.id}@${this.#domain}>`;
    const { attachment } = notice;
    const node = new MailComposer({
      from: this.#from,
      to: { name, address: email },
      subject: notice.subject,
      text: notice.text,
      html: notice.html,
      ...(attachment && {
        attachments: [
          {
            filename: attachment.fileName,
            contentType: attachment.contentType,
            content: Buffer.from(attachment.bytes),
          },
        ],
      }),
      messageId,
      date: new Date(this.#clock.now()),
      headers: { "Auto-Submitted": "auto-generated", "X-Nightshift-Delivery": notice.id },
      disableUrlAccess: true,
      disableFileAccess: true,
    }).compile();
    const { from, to } = node.getEnvelope();
    return { bytes: await node.build(), envelope: { from: from || "", to }, messageId };
  }
}

/**
 * E-mail by SMTP. A connection for each message, so that one that breaks is the fault of one message. SMTP cannot tell one
 * message from two, so it is not repeatable: a send that ended between the first byte of the content and the server's answer
 * is reported as neither.
 */
export class SmtpChannel implements Channel {
  readonly repeatable = false;
  readonly #url: string;
  readonly #composer: Composer;

  constructor(options: { url: string; from: string; clock: Clock }) {
    this.#url = options.url;
    this.#composer = new Composer(options);
  }

  async send(notice: Notice, { signal }: { signal: AbortSignal }): Promise<Taken> {
    const { bytes, envelope, messageId } = await this.#composer.compose(notice);
    const { auth, ...server } = parseConnectionUrl(this.#url) as { auth?: { user: string; pass: string } };
    const timeouts = {
      connectionTimeout: connectMs,
      greetingTimeout: connectMs,
      dnsTimeout: connectMs,
      socketTimeout: replyMs,
    };
    const connection = new SMTPConnection({ ...server, ...timeouts });
    const content = new Content(bytes);
    const abort = () => connection.close();
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      await opened(connection);
      if (auth) await done((callback) => connection.login({ ...auth, credentials: auth }, callback));
      await done((callback) => connection.send(envelope, content, callback));
      connection.quit();
      return { reference: messageId };
    } catch (error) {
      connection.close();
      const { responseCode } = error as { responseCode?: unknown };
      if (content.begun && typeof responseCode !== "number") throw error; // it may have arrived
      if (typeof responseCode === "number" && responseCode >= 500 && isAboutMessage(error))
        throw new Undeliverable("email", `SMTP ${responseCode}`);
      throw new NotSent("email", reasonOf(error), error);
    } finally {
      signal.removeEventListener("abort", abort);
      connection.on("error", () => undefined); // of a goodbye that nobody answers
    }
  }
}

/**
 * E-mail as files, for installations without a mail server: `<delivery>.eml`, which any mail program opens. A message that is
 * written twice is one file.
 */
export class EmlChannel implements Channel {
  readonly repeatable = true;
  readonly #dir: string;
  readonly #composer: Composer;

  constructor(options: { dir: string; from: string; clock: Clock }) {
    this.#dir = options.dir;
    this.#composer = new Composer(options);
  }

  async send(notice: Notice): Promise<Taken> {
    const { bytes, messageId } = await this.#composer.compose(notice);
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const path = join(this.#dir, `${notice.id}.eml`);
    await writeFile(`${path}.part`, bytes, { mode: 0o600 });
    await rename(`${path}.part`, path); // whole, or not there
    return { reference: messageId };
  }
}

/** The content of a message, which knows whether the server has asked for it. */
class Content extends Readable {
  begun = false;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    super();
    this.#bytes = bytes;
  }

  override _read(): void {
    this.begun = true;
    this.push(this.#bytes);
    this.push(null);
  }
}

function opened(connection: SMTPConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once("error", reject);
    connection.once("end", () => reject(new Error("The server closed the connection")));
    connection.connect((error) => (error ? reject(error) : resolve()));
  });
}

function done(ask: (callback: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => ask((error) => (error ? reject(error) : resolve())));
}

/** Refused were this sender, recipient or content: not the login, or any message at all, which an operator mends. */
function isAboutMessage(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "EENVELOPE" || code === "EMESSAGE";
}

/** Codes only: a server's answer quotes addresses. */
function reasonOf(error: unknown): string {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  if (typeof responseCode === "number") return `SMTP ${responseCode}`;
  return typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? code : "no connection";
}
