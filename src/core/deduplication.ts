/**
 * What a request does that meets a job with its deduplication key.
 *
 * `join` gets that job as it is. `replace` makes it the newest request's while no attempt has begun, and joins it
 * afterwards. `keep-last` does the same while it waits; once it has begun, the newest request becomes its one successor,
 * which takes over the key and waits until the other has ended.
 */
export const deduplicationModes = ["join", "replace", "keep-last"] as const;
export type DeduplicationMode = (typeof deduplicationModes)[number];
