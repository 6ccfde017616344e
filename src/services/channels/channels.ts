import { type Channel, ChannelNotConfigured } from "#core/channel.ts";
import type { Clock } from "#core/clock.ts";
import { EmlChannel, SmtpChannel } from "./email.ts";
import { PagerDutyChannel, pagerDutyUrl } from "./pagerduty.ts";
import { SlackChannel } from "./slack.ts";

/** Where messages go. What is absent is a channel that refuses, for good, by name. */
export interface ChannelOptions {
  readonly smtpUrl?: string | undefined;
  /** `Name <address>` of every e-mail. */
  readonly mailFrom?: string | undefined;
  /** Where e-mail is written as files when there is no `smtpUrl`. */
  readonly mailDir?: string | undefined;
  readonly slackUrl?: string | undefined;
  readonly pagerDutyKey?: string | undefined;
  readonly pagerDutyUrl?: string | undefined;
}

export const defaultMailFrom = "Nightshift <reminders@nightshift.invalid>";

/** The channels of this installation, by the name that obligations call them. */
export function createChannels(options: ChannelOptions, clock: Clock): Readonly<Record<string, Channel>> {
  const { smtpUrl, mailFrom: from = defaultMailFrom, mailDir, slackUrl, pagerDutyKey } = options;
  return {
    email: smtpUrl
      ? new SmtpChannel({ url: smtpUrl, from, clock })
      : mailDir
        ? new EmlChannel({ dir: mailDir, from, clock })
        : absent("email", "SMTP_URL"),
    slack: slackUrl ? new SlackChannel({ url: slackUrl }) : absent("slack", "SLACK_WEBHOOK_URL"),
    pagerduty: pagerDutyKey
      ? new PagerDutyChannel({ url: options.pagerDutyUrl ?? pagerDutyUrl, routingKey: pagerDutyKey })
      : absent("pagerduty", "PAGERDUTY_ROUTING_KEY"),
  };
}

function absent(name: string, variable: string): Channel {
  return { repeatable: true, send: () => Promise.reject(new ChannelNotConfigured(name, variable)) };
}
