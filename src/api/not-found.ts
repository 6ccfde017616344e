import type { RequestHandler } from "express";
import { Refusal } from "./problem.ts";

/** An address as OpenAPI writes it, and one method that it knows. */
export interface Route {
  readonly method: string;
  readonly path: string;
}

/** What no route took: 405 with `Allow` where the address knows other methods, else 404. */
export function notFound(routes: readonly Route[]): RequestHandler {
  const byPath = Map.groupBy(routes, ({ path }) => path);
  const known = [...byPath].map(([path, ofPath]) => ({
    pattern: new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}/?$`),
    methods: ofPath.flatMap(({ method }) => (method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()])),
  }));
  return (req) => {
    const allowed = known.filter(({ pattern }) => pattern.test(req.path)).flatMap(({ methods }) => methods);
    if (allowed.length === 0)
      throw new Refusal(
        "route_not_found",
        "Expected an address of this API, found another. GET /docs shows all of them.",
      );
    const allow = [...new Set(allowed)].sort().join(", ");
    throw new Refusal("method_not_allowed", `Expected ${allow}, found ${req.method}`, { Allow: allow });
  };
}
