import type { Request } from "express";
import { z } from "zod";
import type { DocumentStore, DocumentVersion } from "#core/services.ts";
import type { Caller } from "../authenticate.ts";
import { oneTenant } from "../authenticate.ts";
import { type Operation, uuidParam } from "../operation.ts";
import { Refusal } from "../problem.ts";
import { documentVersion, documentVersions, storedDocument } from "../shapes.ts";

const params = z.object({ id: z.uuid().describe("The `documentId` of a job's result.") });
export const versionParams = params.extend({ n: z.int().min(1).describe("The version, counted from 1.") });

/** GET /v1/documents/{id}, its versions, and one of them. 200 · 404 unknown here, or another tenant's. */
export function documentRoutes({ documents }: { documents: DocumentStore }): Operation[] {
  const common = { tag: "Documents", method: "get", needs: "read" } as const;
  return [
    {
      ...common,
      name: "documents.get",
      path: "/v1/documents/{id}",
      summary: "Read a document",
      params,
      answers: { 200: { description: "The document.", schema: storedDocument } },
      problems: ["document_not_found", "tenant_required"],
      async handle({ req, res, caller }) {
        const document = await documents.find(oneTenant(caller), requireDocumentId(req));
        if (!document) throw documentNotFound();
        const versions = `/v1/documents/${document.documentId}/versions`;
        const latest = `${versions}/${document.latestVersion}`;
        res.json({ ...document, links: { versions, latest, content: `${latest}/content` } });
      },
    },
    {
      ...common,
      name: "documents.versions",
      path: "/v1/documents/{id}/versions",
      summary: "List a document's versions",
      params,
      answers: { 200: { description: "All versions, the first one first.", schema: documentVersions } },
      problems: ["document_not_found", "tenant_required"],
      async handle({ req, res, caller }) {
        const versions = await documents.versions(oneTenant(caller), requireDocumentId(req));
        if (versions.length === 0) throw documentNotFound();
        res.json({ items: versions.map(withLinks) });
      },
    },
    {
      ...common,
      name: "documents.version",
      path: "/v1/documents/{id}/versions/{n}",
      summary: "Read one version",
      params: versionParams,
      answers: { 200: { description: "The version.", schema: documentVersion } },
      problems: ["document_not_found", "tenant_required"],
      async handle({ req, res, caller }) {
        res.json(withLinks(await requireVersion(documents, req, caller)));
      },
    },
  ];
}

/** The version that the path names. Throws Refusal `document_not_found`, for other tenants' documents as well. */
export async function requireVersion(documents: DocumentStore, req: Request, caller: Caller): Promise<DocumentVersion> {
  const tenant = oneTenant(caller);
  const number = /^[1-9]\d{0,8}$/.test(String(req.params.n)) ? Number(req.params.n) : null; // an integer of Postgres
  const version = number && (await documents.version(tenant, requireDocumentId(req), number));
  if (!version) throw documentNotFound();
  return version;
}

function requireDocumentId(req: Request): string {
  const id = uuidParam(req, "id");
  if (id === null) throw documentNotFound();
  return id;
}

function documentNotFound(): Refusal {
  return new Refusal("document_not_found", "Expected a document and version of this tenant, found none");
}

function withLinks(version: DocumentVersion) {
  const self = `/v1/documents/${version.documentId}/versions/${version.version}`;
  return { ...version, links: { self, content: `${self}/content` } };
}
