import type { Request } from "express";
import { z } from "zod";
import type { Catalog } from "#core/catalog.ts";
import { InvalidInput } from "#core/errors.ts";
import { toProblems } from "#core/problems.ts";
import { scheduleName } from "#core/schedule.ts";
import type { ScheduleView } from "#core/schedule-view.ts";
import type { ScheduleRow } from "../../ledger/schedules.ts";
import { type Editor, ScheduleNotFound, type ScheduleRegistry } from "../../scheduler/registry.ts";
import { scheduleRequest } from "../../scheduler/schedule-request.ts";
import { nextView, wordsOf } from "../../scheduler/shown.ts";
import type { Caller } from "../authenticate.ts";
import { type Operation, parseQuery } from "../operation.ts";
import { schedulePage, scheduleView } from "../schedule-shapes.ts";

export interface ScheduleDependencies {
  readonly catalog: Catalog;
  readonly scheduleRegistry: ScheduleRegistry;
}

export const scheduleParams = z.object({ name: scheduleName.describe("Name of the schedule, unique in its tenant.") });
export const path = "/v1/schedules/{name}";

const query = z.strictObject({
  job: z.string().min(1).max(80).optional().describe("Only schedules of this job."),
  cursor: z.string().max(200).optional().describe("`nextCursor` of the page before."),
  limit: z.coerce.number().int().min(1).max(200).default(50).describe("Schedules per page."),
});

/** GET /v1/schedules, and GET, PUT and DELETE of one. */
export function scheduleRoutes({ scheduleRegistry }: ScheduleDependencies): Operation[] {
  return [
    {
      name: "schedules.list",
      tag: "Schedules",
      method: "get",
      path: "/v1/schedules",
      summary: "List schedules",
      description: "By tenant and name. A key of `*` that names no tenant sees those of all tenants.",
      needs: "read",
      query,
      answers: { 200: { description: "One page.", schema: schedulePage } },
      problems: ["invalid_input"],
      async handle({ req, res, caller }) {
        const { cursor, limit, job } = parseQuery(query, req);
        const after = cursor === undefined ? undefined : readCursor(cursor);
        const found = await scheduleRegistry.list({ tenant: caller.actsFor, job, after, limit: limit + 1 });
        const items = found.slice(0, limit).map(toView);
        res.json({ items, nextCursor: found.length > limit ? writeCursor(items.at(-1)!) : null });
      },
    },
    {
      name: "schedules.get",
      tag: "Schedules",
      method: "get",
      path,
      summary: "Read a schedule",
      description: ofTheHouse,
      needs: "read",
      params: scheduleParams,
      answers: { 200: { description: "The schedule.", schema: scheduleView } },
      problems: ["schedule_not_found"],
      async handle({ req, res, caller }) {
        res.json(toView(await scheduleRegistry.get(tenantOf(caller), nameOf(req))));
      },
    },
    {
      name: "schedules.put",
      tag: "Schedules",
      method: "put",
      path,
      summary: "Make or change a schedule",
      description: [
        "Exactly one of `cron`, `rrule`, `everyMs` and `preset`. The schedule becomes what the body says; what is left out gets " +
          "its default. The next tick stays when the rule does. Safe to repeat.",
        "A schedule that is declared in code is marked as edited, and left alone by later releases.",
        ofTheHouse,
      ].join("\n\n"),
      needs: "operate",
      params: scheduleParams,
      body: scheduleRequest,
      answers: {
        200: { description: "Changed, or as it was.", schema: scheduleView },
        201: { description: "Made.", schema: scheduleView, headers: { Location: "Where the schedule is." } },
      },
      problems: ["invalid_input"],
      async handle({ req, res, caller, body }) {
        const name = checkedName(req);
        const { row, created } = await scheduleRegistry.put(editorOf(caller), tenantOf(caller), name, body);
        const view = toView(row);
        if (created) res.status(201).location(view.links.self);
        res.json(view);
      },
    },
    {
      name: "schedules.delete",
      tag: "Schedules",
      method: "delete",
      path,
      summary: "Delete a schedule",
      description: "Jobs that it has enqueued go on. One that is declared in code can only be paused.",
      needs: "operate",
      params: scheduleParams,
      answers: { 204: { description: "It is gone." } },
      problems: ["schedule_not_found", "schedule_declared"],
      async handle({ req, res, caller }) {
        await scheduleRegistry.remove(editorOf(caller), tenantOf(caller), nameOf(req));
        res.status(204).end();
      },
    },
  ];
}

const ofTheHouse = "With a key of `*` that names no tenant: a schedule of the house (tenant `*`).";

/** Whose schedule a request is about. */
export function tenantOf({ actsFor }: Caller): string {
  return actsFor ?? "*";
}

export function editorOf({ keyId, role }: Caller): Editor {
  return { actor: keyId, role };
}

/** Throws ScheduleNotFound for what cannot be a name. */
export function nameOf(req: Request): string {
  const { success, data } = scheduleName.safeParse(req.params.name);
  if (success) return data;
  throw new ScheduleNotFound(String(req.params.name).replace(/[^\x20-\x7e]/g, "?"));
}

function checkedName(req: Request): string {
  const { data, error } = scheduleName.safeParse(req.params.name);
  if (data !== undefined) return data;
  throw new InvalidInput(
    "The schedule was refused",
    error!.issues.flatMap((issue) => toProblems(issue, ["name"])),
  );
}

/** A schedule as the API shows it. */
export function toView(row: ScheduleRow): ScheduleView {
  const self = `/v1/schedules/${row.name}`;
  const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
  return {
    name: row.name,
    tenant: row.tenant,
    job: row.job,
    payload: row.payload,
    ...row.rule,
    sentence: wordsOf(row.rule),
    overlap: row.overlap,
    missed: row.missed,
    spreadMs: row.spreadMs,
    paused: row.pausedWhy && { why: row.pausedWhy, since: iso(row.pausedAt)! },
    next: nextView(row),
    last: { tick: iso(row.lastTick), jobId: row.lastJobId },
    fired: row.fired,
    origin: row.origin,
    edited: row.edited,
    declaredDiffers: row.declared !== null,
    revision: row.revision,
    createdAt: iso(row.createdAt)!,
    changedAt: iso(row.changedAt)!,
    links: { self, preview: `${self}/preview`, ticks: `${self}/ticks` },
  };
}

/** A cursor is the last place of its page. */
function writeCursor({ tenant, name }: Pick<ScheduleView, "tenant" | "name">): string {
  return Buffer.from(`${tenant}/${name}`).toString("base64url");
}

function readCursor(cursor: string): readonly [string, string] {
  const [, tenant, name] = /^([a-z0-9._*-]+)\/([a-z0-9.-]+)$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (tenant !== undefined && name !== undefined) return [tenant, name];
  throw new InvalidInput("The query was refused", [
    { path: "cursor", message: "Expected the nextCursor of a page, found something else", code: "invalid_cursor" },
  ]);
}
