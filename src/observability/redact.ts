/** Fields whose values never reach a log, whoever hands them over. */
const secrets = new Set(["payload", "authorization", "cookie", "key", "password"]);

const cut = "[Redacted]";

/**
 * The fields of a log line, or of an object one level below, without the values of secret ones. A copy only where there
 * was something to cut. By hand, because the wildcards of pino's own `redact` cost 4 µs a line, more than all the rest
 * of writing it (200,000 lines, 2026-11-20).
 */
export function redact(fields: object, below = 1): object {
  let copy: Record<string, unknown> | null = null;
  for (const [name, value] of Object.entries(fields)) {
    const kept = secrets.has(name) ? cut : below > 0 && isPlain(value) ? redact(value, below - 1) : value;
    if (kept === value) continue;
    copy ??= { ...fields };
    copy[name] = kept;
  }
  return copy ?? fields;
}

/** Errors go through a serializer, which redacts what it makes of them. */
function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
