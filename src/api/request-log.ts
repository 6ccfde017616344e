import { randomUUID } from "node:crypto";
import type { RequestHandler } from "express";
import type { Log } from "#core/handler.ts";

/** Asked for every few seconds by machines: their lines would drown the others. */
const quiet = new Set(["/healthz", "/readyz", "/metrics"]);

/**
 * One line per request, once its answer is out or its sender is gone. The route's pattern stands for the address: no
 * ids of people, no query values, no payload. `X-Request-Id` on the answer finds the line.
 */
export function requestLog(log: Log): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now();
    const requestId = randomUUID();
    res.locals.requestId = requestId;
    res.setHeader("X-Request-Id", requestId);
    res.once("close", () => {
      const { route, caller } = res.locals;
      const fields = {
        requestId,
        method: req.method,
        route: route ?? null,
        status: res.statusCode,
        durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
        ...(caller && { tenant: caller.actsFor ?? "*", keyId: caller.keyId }),
        ...(!res.writableFinished && { aborted: true }),
      };
      log[quiet.has(route) ? "debug" : "info"](fields, "request.finished");
    });
    next();
  };
}
