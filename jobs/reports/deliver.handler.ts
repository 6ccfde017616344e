import { buffer } from "node:stream/consumers";
import { hours } from "#core/duration.ts";
import { NightshiftError } from "#core/errors.ts";
import type { Handler, HandlerContext } from "#core/handler.ts";
import { SnoozeJob } from "#core/outcome.ts";
import { type ReportFile, ReportNotReady } from "#core/report-delivery.ts";
import type { DeliveredReport, DeliverReport } from "./deliver.job.ts";
import { periodAt } from "./relative-period.ts";
import { type Mailing, reportNotice } from "./report-notice.ts";
import { type SendingEnd, sendOnce } from "./send-once.ts";

const channel = "email";
const patienceMs = hours(1);

/** How the sending to one recipient ended; `missing`: there is nobody of that id (any more). */
interface End {
  readonly id: string;
  readonly state: SendingEnd["state"] | "missing";
  readonly code?: string | undefined;
}

/**
 * Somebody did not get the report, as far as is known. `notSent` are tried again by the next attempt; the others wait for a
 * person: `refused` and `missing` to be mended and the job redriven, `unknown` to be asked, and ordered anew for themselves alone.
 */
export class ReportNotDelivered extends NightshiftError {
  readonly code = "report_not_delivered";
  override readonly permanent: boolean;

  constructor(ends: readonly End[]) {
    const of = (wanted: End["state"]) => ends.filter(({ state }) => state === wanted).map(({ id }) => id);
    const ids = { notSent: of("not_sent"), refused: of("refused"), missing: of("missing"), unknown: of("unknown") };
    const counts = Object.entries(ids).map(([end, { length }]) => `${length} ${end}`);
    const codes = Object.fromEntries(ends.flatMap(({ id, code }) => (code === undefined ? [] : [[id, code]])));
    super(`Expected every recipient to be sent the report, found ${counts.join(", ")}`, { ...ids, codes });
    this.permanent = ids.notSent.length === 0;
  }
}

export const handle: Handler<DeliverReport, DeliveredReport> = async (order, ctx) => {
  const begunAt = await ctx.step("begun", () => ctx.clock.now());
  const params = paramsAt(order, begunAt);
  const file = await fileOf(order, params, begunAt, ctx);
  const bytes = await buffer(await ctx.services.blobs.read(file.sha256));
  const ends = await mail({ jobId: ctx.jobId, params, file, bytes }, order.recipients, ctx);
  const sent = ends.filter(({ state }) => state === "sent").length;
  ctx.log.info({ report: order.report, sent, of: ends.length }, "report.delivered");
  if (sent === ends.length) {
    const { fileName, sizeBytes, asOf, rows } = file;
    return { fileName, sizeBytes, asOf, rows, sent };
  }
  ctx.signal.throwIfAborted(); // interrupted: whoever got nothing yet was not refused anything
  throw new ReportNotDelivered(ends);
};

/** The same in every attempt: days follow from when the first one began. */
function paramsAt({ params, period }: DeliverReport, begunAt: number): Readonly<Record<string, unknown>> {
  if (period === undefined) return params;
  const zone = typeof params.timeZone === "string" ? params.timeZone : "UTC";
  return { ...params, ...periodAt(period, begunAt, zone) };
}

/** The file that all recipients get, whichever attempt sends it. One that nobody kept since is made anew. */
async function fileOf(
  { report, format }: DeliverReport,
  params: Readonly<Record<string, unknown>>,
  begunAt: number,
  ctx: HandlerContext,
): Promise<ReportFile> {
  const { reportFiles, blobs } = ctx.services;
  const make = () => reportFiles.make({ tenant: ctx.tenant, report, params, format }, ctx.signal);
  try {
    const file = await ctx.step("file", make);
    return (await blobs.has(file.sha256)) ? file : await ctx.step(`file ${ctx.attempt}`, make);
  } catch (error) {
    const waitedMs = ctx.clock.now() - begunAt;
    if (error instanceof SnoozeJob && waitedMs > patienceMs) throw new ReportNotReady(error.code, waitedMs);
    throw error;
  }
}

/** One after the other: how each ended, in their order. */
async function mail(mailing: Mailing, ids: readonly string[], ctx: HandlerContext): Promise<readonly End[]> {
  const way = ctx.services.channels[channel]!;
  const found = await ctx.services.recipients.find(ctx.tenant, ids);
  const ends: End[] = [];
  for (const id of ids) {
    ctx.signal.throwIfAborted();
    const recipient = found.find((one) => one.id === id);
    if (!recipient) {
      ends.push({ id, state: "missing" });
      continue;
    }
    const send = () => way.send(reportNotice(mailing, recipient), { signal: ctx.signal });
    const { state, code } = await sendOnce(id, send, { repeatable: way.repeatable, ctx });
    if (state !== "sent") ctx.log.warn({ recipient: id, state, errorCode: code }, "report.not_delivered");
    ends.push({ id, state, code });
    ctx.progress(ends.length / ids.length);
  }
  return ends;
}
