import type { StoredDocument, DocumentVersion as StoredVersion } from "#core/services.ts";
import type { Http } from "./http.ts";

/** Instants arrive as ISO 8601. */
export type Document = Omit<StoredDocument, "createdAt"> & { readonly createdAt: string };
export type DocumentVersion = Omit<StoredVersion, "createdAt"> & { readonly createdAt: string };

/** What document jobs made. Rejects with ProblemError, `document_not_found` among others. */
export class Documents {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  get(documentId: string): Promise<Document> {
    return this.#http.json(path(documentId));
  }

  async versions(documentId: string): Promise<readonly DocumentVersion[]> {
    const { items } = await this.#http.json<{ items: DocumentVersion[] }>(`${path(documentId)}/versions`);
    return items;
  }

  version(documentId: string, version: number): Promise<DocumentVersion> {
    return this.#http.json(`${path(documentId)}/versions/${version}`);
  }

  /**
   * The bytes of a version, as a Response: stream its `body`, or take `arrayBuffer()`. `range` (inclusive) reads a part;
   * `etag` that you have answers status 304 without a body when it is still the content.
   */
  content(
    documentId: string,
    version: number,
    { range, etag, signal }: { range?: { start: number; end?: number }; etag?: string; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const headers = {
      ...(range && { range: `bytes=${range.start}-${range.end ?? ""}` }),
      ...(etag !== undefined && { "if-none-match": etag }),
    };
    return this.#http.send(`${path(documentId)}/versions/${version}/content`, { headers, signal });
  }
}

function path(documentId: string): string {
  return `/v1/documents/${encodeURIComponent(documentId)}`;
}
