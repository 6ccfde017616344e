import type { Request, RequestHandler } from "express";

const reads: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export function isRead(req: Request): boolean {
  return reads.has(req.method);
}

/**
 * Refuses every request that could change something unless a page of this dashboard sent it. Browsers say where a request
 * comes from in `Sec-Fetch-Site` (over HTTPS and on localhost) and in `Origin`; a request with neither is refused too:
 * programs have the HTTP API. `publicOrigin`: what the browser sees, where a proxy changes the Host header.
 */
export function requireSameOrigin(publicOrigin: string | undefined): RequestHandler {
  return (req, res, next) => {
    if (isRead(req) || isSameOrigin(req, publicOrigin)) return next();
    res.status(403).json({
      error: "Refused",
      message: "Expected a request from a page of this dashboard, found one from elsewhere. Programs use the HTTP API.",
    });
  };
}

function isSameOrigin(req: Request, publicOrigin: string | undefined): boolean {
  const site = req.get("Sec-Fetch-Site");
  if (site !== undefined) return site === "same-origin";
  const origin = req.get("Origin");
  if (origin === undefined || !URL.canParse(origin)) return false;
  return publicOrigin === undefined ? new URL(origin).host === req.host : origin === publicOrigin;
}
