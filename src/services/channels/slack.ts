import { type Channel, type Notice, NotSent, type Taken, Undeliverable } from "#core/channel.ts";
import { postJson } from "./http.ts";

/**
 * Slack by an incoming webhook: it posts to the channel that the webhook belongs to, and mentions the recipient. Slack knows
 * no key for a message, so it is not repeatable. A 429 is waited out in the queue, as long as Slack says.
 */
export class SlackChannel implements Channel {
  readonly repeatable = false;
  readonly #url: string;

  constructor(options: { url: string }) {
    this.#url = options.url;
  }

  async send({ id, to, subject, text }: Notice, { signal }: { signal: AbortSignal }): Promise<Taken> {
    const mention = to.slack === undefined ? escaped(to.name) : `<@${to.slack}>`;
    const said = `${mention} *${escaped(subject)}*\n${escaped(text)}`;
    const { status } = await postJson(
      "slack",
      this.#url,
      { text: said, unfurl_links: false, unfurl_media: false },
      signal,
    );
    if (status >= 200 && status < 300) return { reference: id };
    if (status === 503) throw new NotSent("slack", `HTTP ${status}`);
    if (status < 500) throw new Undeliverable("slack", `HTTP ${status}`);
    throw new Error(`Slack answered ${status}: the message may have been posted`);
  }
}

/** The three characters that Slack reads as markup; nobody is mentioned by a title. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
