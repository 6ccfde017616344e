import { z } from "zod";
import type { JobDefinition } from "./job.ts";

const count = z.int().min(0);

/** What became of a batch. Put it into the payload of a job that completes batches: `z.object({ batch: batchSummary, … })`. */
export const batchSummary = z
  .object({
    id: z.uuid(),
    /** Jobs of the batch; requests that joined a job outside are not among them. */
    total: count,
    counts: z.object({ completed: count, dead: count, cancelled: count, expired: count }),
  })
  .meta({ id: "BatchSummary", description: "A finished batch: its jobs by the state in which they ended." });
export type BatchSummary = z.infer<typeof batchSummary>;

/** The payload of a job that completes a batch: as given, with `batch` added where the job's schema has such a field. */
export function completionPayload(job: JobDefinition, payload: unknown, batch: BatchSummary): unknown {
  const fields = fieldsOf(job);
  return fields && "batch" in fields ? { ...(payload as object), batch } : payload;
}

/** The fields of the payload's schema, where it is an object. */
export function fieldsOf({ payload }: JobDefinition): Readonly<Record<string, z.ZodType>> | null {
  return payload.def.type === "object" ? (payload as z.ZodObject<Record<string, z.ZodType>>).shape : null;
}
