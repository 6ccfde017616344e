import { z } from "zod";
import { instant } from "../../producer/options.ts";
import { tickView } from "../../scheduler/shown.ts";
import { ticksFrom } from "../../scheduler/tick.ts";
import { type Operation, parseQuery } from "../operation.ts";
import { schedulePreview, tickPage } from "../schedule-shapes.ts";
import { nameOf, path, type ScheduleDependencies, scheduleParams, tenantOf } from "./schedules.ts";

const previewQuery = z.strictObject({
  count: z.coerce.number().int().min(1).max(500).default(20).describe("How many ticks."),
  from: instant.optional().describe("Ticks after this instant. Default: now."),
});

const historyQuery = z.strictObject({
  cursor: instant.optional().describe("`nextCursor` of the page before."),
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("Lines per page."),
});

/** GET /v1/schedules/{name}/preview and /ticks: what will come, and what came of what has. */
export function scheduleTickRoutes({ scheduleRegistry }: ScheduleDependencies): Operation[] {
  return [
    {
      name: "schedules.preview",
      tag: "Schedules",
      method: "get",
      path: `${path}/preview`,
      summary: "Preview ticks",
      description:
        "The ticks to come, by the function that fires them, with a note where the zone's clock skips a time (`gap`) or shows " +
        "it twice (`repeat`). A schedule that is paused is previewed as if it were not.",
      needs: "read",
      params: scheduleParams,
      query: previewQuery,
      answers: { 200: { description: "The ticks, in order.", schema: schedulePreview } },
      problems: ["schedule_not_found", "invalid_input"],
      async handle({ req, res, caller }) {
        const { count, from } = parseQuery(previewQuery, req);
        const { rule, fired } = await scheduleRegistry.get(tenantOf(caller), nameOf(req));
        const after = from === undefined ? Date.now() : Date.parse(from);
        res.json({ ticks: ticksFrom(rule, after, count, fired).map((tick) => tickView(tick, rule.timeZone)) });
      },
    },
    {
      name: "schedules.ticks",
      tag: "Schedules",
      method: "get",
      path: `${path}/ticks`,
      summary: "Read what came of ticks",
      description: "Newest first, for 30 days. Jobs that were started out of turn (`run`) are not ticks.",
      needs: "read",
      params: scheduleParams,
      query: historyQuery,
      answers: { 200: { description: "One page.", schema: tickPage } },
      problems: ["schedule_not_found", "invalid_input"],
      async handle({ req, res, caller }) {
        const { cursor, limit } = parseQuery(historyQuery, req);
        const before = cursor === undefined ? null : Date.parse(cursor);
        const found = await scheduleRegistry.history(tenantOf(caller), nameOf(req), before, limit + 1);
        const items = found.slice(0, limit);
        res.json({ items, nextCursor: found.length > limit ? items.at(-1)!.tick : null });
      },
    },
  ];
}
