import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Http } from "../../../src/client/http.ts";
import type { Cluster } from "../cluster.ts";
import type { Tally } from "../progress.ts";
import { pruneRuns } from "../run-folder.ts";
import { type Platform, tenantOf } from "../tenants.ts";
import { jobsOf } from "../way.ts";
import { HandClock } from "./hand-clock.ts";
import { readMails } from "./mail.ts";
import type { Announced, CalendarEvidence, ReminderEvidence } from "./proof.ts";
import { lastQuarter } from "./quarter.ts";

/** A calendar that a platform applies to a company. Nobody of it answers, so that the whole ladder is seen. */
interface Applied {
  readonly platform: Platform;
  readonly calendar: string;
  readonly company: string;
  readonly owner: object;
  readonly manager: object;
}

const applied: readonly Applied[] = [
  {
    ...{ platform: "complianceai", calendar: "in-gst", company: "suryodaya-erp" },
    owner: { id: "asha", name: "Asha Rao", email: "asha@suryodaya.example" },
    manager: { id: "chitra", name: "Chitra Iyer", email: "chitra@suryodaya.example" },
  },
  {
    ...{ platform: "cloudops", calendar: "soc2", company: "cloudops" },
    owner: { id: "dana", name: "Dana Whitfield", email: "dana@cloudops.example", timeZone: "America/New_York" },
    manager: { id: "omar", name: "Omar Haddad", email: "omar@cloudops.example", timeZone: "America/New_York" },
  },
];

export interface ReminderOptions {
  readonly cluster: Cluster;
  readonly tally: Tally;
  /** This run's mails go into it; those of the last runs stay beside it. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/**
 * Apply two calendars, ask what would be sent in a quarter, and move the clock from message to message through it. Everything
 * goes through the API but the clock.
 */
export async function remind({ cluster, tally, folder, signal }: ReminderOptions): Promise<ReminderEvidence> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await pruneRuns(folder);
  const quarter = lastQuarter(new Date());
  const clock = new HandClock({
    ...{ stores: cluster.stores, database: cluster.database, fetch: cluster.fetch, signal },
    mailDir: folder,
    logFile: join(cluster.logDir, "hand-set.log"),
    startAt: quarter.from,
  });
  try {
    await clock.start();
    const ways = applied.map((one) => ({ ...one, ...clock.connect(tenantOf(one.platform, cluster.run)) }));
    const announced: Announced[] = [];
    const calendars: CalendarEvidence[] = [];
    for (const { platform, calendar, company, owner, manager, http } of ways) {
      const { created } = await http.json<{ created: object[] }>(`/v1/calendars/${calendar}/apply`, {
        body: { company, owner, manager },
      });
      const messages = await preview(http, quarter.days);
      announced.push(...messages);
      calendars.push({ platform, calendar, company, duties: created.length, announced: messages.length });
    }
    tally.total = announced.length;
    const instants = [...new Set(announced.map(({ fireAt }) => fireAt))].sort();
    for (const instant of instants) {
      await clock.moveTo(instant);
      tally.done += announced.filter(({ fireAt }) => fireAt === instant).length;
    }
    await clock.moveTo(quarter.until); // whatever else would be sent has its chance
    const troubled = await Promise.all(ways.map(({ http }) => troubles(http)));
    const jobs = await Promise.all(ways.map((way) => jobsOf(way)));
    const mails = await readMails(folder);
    return {
      quarter,
      calendars,
      announced,
      moves: instants.length + 1,
      mails,
      troubled: troubled.flat().length,
      jobs: jobs.flat(),
    };
  } finally {
    await clock.stop();
  }
}

/** Every message that would go out within so many days. */
async function preview(http: Http, days: number): Promise<readonly Announced[]> {
  const messages: Announced[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const after: string = cursor && `&cursor=${encodeURIComponent(cursor)}`;
    const page: { items: Announced[]; nextCursor: string | null } = await http.json(
      `/v1/reminders/preview?days=${days}&limit=1000${after}`,
    );
    messages.push(...page.items);
    cursor = page.nextCursor;
  }
  return messages;
}

/** Messages that failed, or of which it is not known whether they arrived. */
async function troubles(http: Http): Promise<readonly object[]> {
  const of = async (state: string) =>
    (await http.json<{ items: object[] }>(`/v1/reminders/deliveries?state=${state}`)).items;
  return [...(await of("failed")), ...(await of("unknown"))];
}
