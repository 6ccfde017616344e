import { PermanentError } from "#core/errors.ts";
import type { DocumentStore, DocumentVersion, NewDocumentVersion, StoredDocument } from "#core/services.ts";
import type { SqlRow, SqlRunner } from "#core/sql.ts";
import type { Database } from "../ledger/database.ts";

const versionColumns = `v.document_id, d.company_id, v.job_id, v.template_id, v.template_version, v.locale, v.sha256,
  v.size_bytes, v.page_count, v.content_type, v.file_name, v.version, v.created_at`;

/** A document belongs to one company for ever: no retry can add another company's version to it. */
export class DocumentOfAnother extends PermanentError {
  readonly code = "document_of_another_company";

  constructor(documentId: string) {
    super("Expected the document to belong to the payload's companyId, it belongs to another company", { documentId });
  }
}

/** Documents in Postgres; their bytes are in the blob store under `sha256`. Every statement names the tenant. */
export class PostgresDocumentStore implements DocumentStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  addVersion(version: NewDocumentVersion, within?: SqlRunner): Promise<DocumentVersion> {
    if (within) return this.#addVersion(version, within);
    return this.#database.transaction((client) =>
      this.#addVersion(version, { executeSql: (text, values) => client.query(text, values) }),
    );
  }

  async #addVersion(version: NewDocumentVersion, sql: SqlRunner): Promise<DocumentVersion> {
    const { schema } = this.#database;
    // The document's row is the lock under which its versions are numbered: two jobs cannot both become version 2.
    await sql.executeSql(
      `insert into ${schema}.documents (tenant, id, company_id, template_id, latest_version)
         values ($1, $2, $3, $4, 1) on conflict (tenant, id) do nothing`,
      [version.tenant, version.documentId, version.companyId, version.templateId],
    );
    const owner = await sql.executeSql(
      `select company_id from ${schema}.documents where tenant = $1 and id = $2 for update`,
      [version.tenant, version.documentId],
    );
    if (owner.rows[0]!.company_id !== version.companyId.toLowerCase()) throw new DocumentOfAnother(version.documentId);
    const existing = await sql.executeSql(
      `select ${versionColumns} from ${this.#joined} where v.tenant = $1 and v.job_id = $2`,
      [version.tenant, version.jobId],
    );
    if (existing.rows[0]) return toVersion(existing.rows[0]);
    const { rows } = await sql.executeSql(
      `insert into ${schema}.document_versions (tenant, document_id, version, job_id, template_id, template_version, locale,
           sha256, size_bytes, page_count, content_type, file_name)
         select $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7, $8, $9, $10, $11
         from ${schema}.document_versions where tenant = $1 and document_id = $2
         returning version, created_at`,
      [
        version.tenant,
        version.documentId,
        version.jobId,
        version.templateId,
        version.templateVersion,
        version.locale,
        version.sha256,
        version.sizeBytes,
        version.pageCount,
        version.contentType,
        version.fileName,
      ],
    );
    const added = rows[0] as { version: number; created_at: Date };
    await sql.executeSql(`update ${schema}.documents set latest_version = $3 where tenant = $1 and id = $2`, [
      version.tenant,
      version.documentId,
      added.version,
    ]);
    const { tenant: _tenant, ...rest } = version;
    return { ...rest, version: added.version, createdAt: added.created_at };
  }

  async *storedSince(tenant: string | null, since: Date, pageSize: number): AsyncIterable<DocumentVersion> {
    let after: [string, number] = ["00000000-0000-0000-0000-000000000000", 0];
    for (;;) {
      const { rows } = await this.#database.executeSql(
        `select ${versionColumns} from ${this.#joined}
         where ($1::text is null or v.tenant = $1) and (v.document_id, v.version) > ($2::uuid, $3::int) and v.created_at >= $4
         order by v.document_id, v.version limit $5`,
        [tenant, ...after, since, pageSize],
      );
      const page = rows.map(toVersion);
      yield* page;
      const last = page.at(-1);
      if (!last || page.length < pageSize) return;
      after = [last.documentId, last.version];
    }
  }

  async find(tenant: string, documentId: string): Promise<StoredDocument | null> {
    const { rows } = await this.#database.executeSql(
      `select id, company_id, template_id, latest_version, created_at from ${this.#database.schema}.documents
       where tenant = $1 and id = $2`,
      [tenant, documentId],
    );
    const row = rows[0];
    if (!row) return null;
    return {
      documentId: row.id,
      companyId: row.company_id,
      templateId: row.template_id,
      latestVersion: row.latest_version,
      createdAt: row.created_at,
    };
  }

  async versions(tenant: string, documentId: string): Promise<readonly DocumentVersion[]> {
    const { rows } = await this.#database.executeSql(
      `select ${versionColumns} from ${this.#joined} where v.tenant = $1 and v.document_id = $2 order by v.version`,
      [tenant, documentId],
    );
    return rows.map(toVersion);
  }

  async version(tenant: string, documentId: string, number: number): Promise<DocumentVersion | null> {
    const { rows } = await this.#database.executeSql(
      `select ${versionColumns} from ${this.#joined} where v.tenant = $1 and v.document_id = $2 and v.version = $3`,
      [tenant, documentId, number],
    );
    return rows[0] ? toVersion(rows[0]) : null;
  }

  get #joined(): string {
    const { schema } = this.#database;
    return `${schema}.document_versions v join ${schema}.documents d on d.tenant = v.tenant and d.id = v.document_id`;
  }
}

function toVersion(row: SqlRow): DocumentVersion {
  return {
    documentId: row.document_id,
    companyId: row.company_id,
    jobId: row.job_id,
    templateId: row.template_id,
    templateVersion: row.template_version,
    locale: row.locale,
    sha256: row.sha256,
    sizeBytes: Number(row.size_bytes),
    pageCount: row.page_count,
    contentType: row.content_type,
    fileName: row.file_name,
    version: row.version,
    createdAt: row.created_at,
  };
}
