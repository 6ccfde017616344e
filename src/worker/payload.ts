import { PermanentError } from "#core/errors.ts";
import { canRead, type JobDefinition, upgraded } from "#core/job.ts";
import { type KeptJson, readJson } from "#core/large-json.ts";
import { SnoozeJob } from "#core/outcome.ts";
import type { BlobStore } from "#core/services.ts";

/** A release that knows the version may be running elsewhere: leave the job to one of its workers. */
const unknownVersionMs = 10_000;

/** The stored payload is not one of this job any more: no retry can mend that, a release can; then redrive. */
export class PayloadUnreadable extends PermanentError {
  readonly code = "payload_unreadable";
}

/** The payload as a handler gets it: fetched if it is large, brought to the present version, and through its schema. */
export async function readPayload(
  job: JobDefinition,
  stored: KeptJson & { readonly version: number },
  blobs: Pick<BlobStore, "read">,
): Promise<unknown> {
  const { version } = stored;
  if (version > (job.version ?? 1)) throw new SnoozeJob("payload_version_unknown", unknownVersionMs, { version });
  if (!canRead(job, version))
    throw new PayloadUnreadable("Expected an upgrade from the stored payload's version, found none", { version });
  const parsed = job.payload.safeParse(
    upgraded(job, version, stored.blob === null ? stored.inline : await readJson(blobs, stored)),
  );
  if (parsed.success) return parsed.data;
  const paths = parsed.error.issues.map((issue) => issue.path.join("."));
  throw new PayloadUnreadable("Expected a payload of the job's schema, the stored one does not fit", {
    version,
    paths,
  });
}
