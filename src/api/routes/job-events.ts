import { once } from "node:events";
import type { Response } from "express";
import { seconds } from "#core/duration.ts";
import { JobNotFound } from "#core/errors.ts";
import type { Log } from "#core/handler.ts";
import type { JobView } from "../../ledger/job-reader.ts";
import { isTerminal } from "../../ledger/job-state.ts";
import type { Delta, DraftWatch } from "../draft-watch.ts";
import type { JobWatch } from "../job-watch.ts";
import type { Operation } from "../operation.ts";
import { jobParams, requireId } from "./job.ts";

/** Proxies cut connections that are silent for half a minute or more. */
const heartbeatMs = seconds(15);

interface Dependencies {
  readonly watch: JobWatch;
  readonly draftWatch: DraftWatch;
  readonly log: Log;
}

/**
 * GET /v1/jobs/{id}/events: Server-Sent Events, the present first, then every change, the end last.
 * 200 · 204 the end was told already (`Last-Event-ID`): do not reconnect · 404 no such job.
 */
export function jobEventsRoute({ watch, draftWatch, log }: Dependencies): Operation {
  return {
    name: "jobs.events",
    tag: "Follow work",
    method: "get",
    path: "/v1/jobs/{id}/events",
    summary: "Be told of a job's changes",
    description:
      "Server-Sent Events. `event` is the new state, or `progress` when only the progress changed; `id` names the job's " +
      "revision and state; `data` is the job as `GET /v1/jobs/{id}` shows it. The first event is the present, the last one is " +
      "terminal. A job that streams its answer (`ai.respond` with `stream`) also sends `delta` events, without an id: " +
      "`data` is `{run, from, text}`, and `text` belongs at position `from` of the answer; another `run` begins the answer " +
      "anew. Reconnect with `Last-Event-ID` and you miss nothing that matters: the present comes first, unless you " +
      "have it.",
    needs: "read",
    params: jobParams,
    headers: { "Last-Event-ID": "The `id` of the last event that was received." },
    answers: {
      200: { description: "The stream.", contentType: "text/event-stream" },
      204: { description: "The job has ended and you have seen it." },
    },
    problems: ["job_not_found"],
    async handle({ req, res, caller }) {
      const id = requireId(req);
      const gone = new AbortController();
      res.once("close", () => gone.abort());
      const views = watch.follow(caller.actsFor, id, gone.signal);
      const first = await views.next();
      if (first.done) throw new JobNotFound(id);
      const seen = eventId(first.value) === req.get("last-event-id") ? first.value : null;
      if (seen && isTerminal(seen.state)) {
        await views.return();
        return void res.status(204).end();
      }
      open(res);
      if (req.method === "HEAD") {
        await views.return();
        return void res.end();
      }
      const heartbeat = setInterval(() => res.write(": heartbeat\n\n"), heartbeatMs);
      res.write("retry: 1000\n\n");
      const { tenant } = first.value;
      const drafts = draftWatch.join(tenant, id, (delta) => {
        if (res.writableNeedDrain) return false; // the receiver is behind: it gets this together with the next
        res.write(deltaEvent(delta));
        return true;
      });
      try {
        if (isTerminal(first.value.state)) await drafts.flush();
        if (!seen) await send(res, toEvent(first.value, null), gone.signal);
        let before = first.value;
        for await (const view of views) {
          if (isTerminal(view.state)) await drafts.flush();
          await send(res, toEvent(view, before), gone.signal);
          before = view;
        }
      } catch (error) {
        // The head is out: end the stream, and the caller's reconnect is told what is wrong.
        if (!gone.signal.aborted) log.warn({ jobId: id, error: (error as Error).name }, "events.cut");
      } finally {
        drafts.leave();
        clearInterval(heartbeat);
        await views.return();
        res.end();
      }
    },
  };
}

function open(res: Response): void {
  res.setHeader("Content-Type", "text/event-stream");
  res.setHeader("X-Accel-Buffering", "no"); // nginx would hold the events back
}

/** Waits while the receiver is behind: it then gets the newest view instead of all of them. */
async function send(res: Response, event: string, signal: AbortSignal): Promise<void> {
  if (!res.write(event) && !signal.aborted) await once(res, "drain", { signal });
}

function deltaEvent(delta: Delta): string {
  return `event: delta\ndata: ${JSON.stringify(delta)}\n\n`;
}

/** With the state: a Postgres that was killed may forget progress, and what comes then has its revision once more. */
function eventId({ revision, state }: JobView): string {
  return `${revision}-${state}`;
}

function toEvent(view: JobView, before: JobView | null): string {
  const moved = before?.state !== view.state || before.attempts.length !== view.attempts.length;
  return `id: ${eventId(view)}\nevent: ${moved ? view.state : "progress"}\ndata: ${JSON.stringify(view)}\n\n`;
}
