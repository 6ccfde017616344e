import { pipeline } from "node:stream/promises";
import type { Request } from "express";
import { z } from "zod";
import type { BlobStore, DocumentStore } from "#core/services.ts";
import { contentDisposition } from "../content-disposition.ts";
import { matches } from "../etag.ts";
import { type Operation, parseQuery } from "../operation.ts";
import { Refusal } from "../problem.ts";
import { requireVersion, versionParams } from "./documents.ts";

const query = z.strictObject({
  inline: z.enum(["true", "false"]).default("false").describe("`true`: to be shown rather than saved."),
});

/**
 * GET /v1/documents/{id}/versions/{n}/content: the bytes. They never change, so the SHA-256 is the ETag and whoever has
 * them may keep them. 200 · 206 one range · 304 you have it · 404 · 416 the range lies outside.
 */
export function documentContentRoute({ documents, blobs }: { documents: DocumentStore; blobs: BlobStore }): Operation {
  return {
    name: "documents.content",
    tag: "Documents",
    method: "get",
    path: "/v1/documents/{id}/versions/{n}/content",
    summary: "Download a version",
    description:
      "The bytes under their suggested name, resumable by `Range` (one range) and `If-Range`. `ETag` is the SHA-256 of " +
      "the content; `If-None-Match` answers 304.",
    needs: "read",
    params: versionParams,
    query,
    headers: {
      "If-None-Match": "ETags that you have.",
      Range: "`bytes=0-1023`: a part of it.",
      "If-Range": "An ETag: the range counts only if it still is this content.",
    },
    answers: {
      200: {
        description: "All of it.",
        contentType: "application/pdf",
        headers: { ETag: "SHA-256 of the content.", "Content-Disposition": "The suggested name." },
      },
      206: { description: "The range.", contentType: "application/pdf", headers: { "Content-Range": "Which bytes." } },
      304: { description: "You have it." },
    },
    problems: ["document_not_found", "range_not_satisfiable", "invalid_input", "tenant_required"],
    async handle({ req, res, caller }) {
      const { inline } = parseQuery(query, req);
      const version = await requireVersion(documents, req, caller);
      const etag = `"${version.sha256}"`;
      res.set({
        ETag: etag,
        "Cache-Control": "private, max-age=31536000, immutable",
        Vary: "Authorization, Nightshift-Tenant",
        "Accept-Ranges": "bytes",
        "Content-Disposition": contentDisposition(inline === "true" ? "inline" : "attachment", version.fileName),
        // Content that somebody's template made must not act in our name when a browser shows it.
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
      });
      if (matches(req.headers["if-none-match"], etag)) return void res.status(304).end();

      const range = rangeOf(req, version.sizeBytes, etag);
      res.setHeader("Content-Type", version.contentType);
      res.setHeader("Content-Length", range ? range.end - range.start + 1 : version.sizeBytes);
      if (range) res.status(206).set("Content-Range", `bytes ${range.start}-${range.end}/${version.sizeBytes}`);
      if (req.method === "HEAD") return void res.end();
      const bytes = await blobs.read(version.sha256, range ?? undefined);
      await pipeline(bytes, res).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error; // the reader left: its right
      });
    },
  };
}

/** The one satisfiable range asked for. `null`: send all, as RFC 9110 wants for several ranges or none that it knows. */
function rangeOf(req: Request, size: number, etag: string): { start: number; end: number } | null {
  const condition = req.headers["if-range"];
  if (condition !== undefined && condition !== etag) return null;
  const ranges = req.method === "GET" ? req.range(size) : undefined;
  if (ranges === -1)
    throw new Refusal("range_not_satisfiable", `Expected a range within ${size} bytes, found one outside`, {
      "Content-Range": `bytes */${size}`,
    });
  if (ranges === undefined || ranges === -2 || ranges.type !== "bytes" || ranges.length !== 1) return null;
  return ranges[0]!;
}
