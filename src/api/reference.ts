import { readFileSync } from "node:fs";
import type { Router } from "express";
import type { Route } from "./not-found.ts";

/** The files of the page and their types. Nothing else is served from the folder. */
const files = [
  { path: "/docs", file: "page.html", type: "text/html; charset=utf-8" },
  { path: "/docs/page.css", file: "page.css", type: "text/css; charset=utf-8" },
  { path: "/docs/page.js", file: "page.js", type: "text/javascript; charset=utf-8" },
  ...["dom", "find", "operation-view", "sample", "schema-view"].map((name) => ({
    path: `/docs/${name}.js`,
    file: `${name}.js`,
    type: "text/javascript; charset=utf-8",
  })),
];

/**
 * `/openapi.json`, and `/docs`, which shows it. The page is ours, loads nothing from elsewhere, and needs no inline script
 * or style. Both are open: they tell nothing about a tenant. Answers the routes it added.
 */
export function mountReference(router: Router, document: object): Route[] {
  const json = JSON.stringify(document);
  router.get("/openapi.json", (_req, res) => {
    res.locals.route = "/openapi.json";
    res.type("application/json").send(json);
  });
  for (const { path, file, type } of files) {
    const content = readFileSync(new URL(`./reference/${file}`, import.meta.url));
    router.get(path, (_req, res) => {
      res.locals.route = path;
      res.set({ "Content-Type": type, "Cache-Control": "no-cache" }).send(content);
    });
  }
  return [{ method: "get", path: "/openapi.json" }, ...files.map(({ path }) => ({ method: "get", path }))];
}
