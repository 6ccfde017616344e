import {
  type Attributes,
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { summarize } from "#core/errors.ts";
import { CancelJob, SnoozeJob } from "#core/outcome.ts";
import { traceparentPattern } from "#core/traceparent.ts";

/**
 * Run `work` in a span of its own that continues the trace of `traceparent`, the W3C header stored with the job. Without
 * an OpenTelemetry SDK in the process nothing is recorded and this costs a microsecond. `work` gets the `traceparent` to
 * send on: the new span's where an SDK records, else the one that came in. Resolves and rejects as `work` does.
 *
 * Attributes are names and numbers (job, queue, tenant, attempt): never payload, result or a foreign error's message.
 */
export function withTrace<T>(
  traceparent: string | undefined,
  name: string,
  attributes: Attributes,
  work: (traceparent: string | undefined) => Promise<T>,
): Promise<T> {
  const parent = parseTraceparent(traceparent);
  const origin = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
  const span = trace.getTracer("nightshift").startSpan(name, { kind: SpanKind.CONSUMER, attributes }, origin);
  // Neither a trace to continue nor anybody to record one.
  return span.spanContext() === INVALID_SPAN_CONTEXT ? work(undefined) : within(span, origin, work);
}

async function within<T>(
  span: Span,
  origin: Context,
  work: (traceparent: string | undefined) => Promise<T>,
): Promise<T> {
  try {
    return await context.with(trace.setSpan(origin, span), () => work(formatTraceparent(span.spanContext())));
  } catch (thrown) {
    describeFailure(span, thrown);
    throw thrown;
  } finally {
    span.end();
  }
}

/** `null` for anything that is not a valid `traceparent`, as the recommendation asks: a broken one starts a new trace. */
export function parseTraceparent(header: string | undefined): SpanContext | null {
  const [, traceId, spanId, flags] = traceparentPattern.exec(header ?? "") ?? [];
  if (!traceId || !spanId || !flags) return null;
  const parent: SpanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(parent) ? parent : null;
}

export function formatTraceparent(span: SpanContext): string | undefined {
  if (!isSpanContextValid(span)) return undefined;
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, "0")}`;
}

/** A cancelled or snoozed job is an outcome, not an error. Of an error only the summary's code is kept. */
function describeFailure(span: Span, thrown: unknown): void {
  const { code } = summarize(thrown);
  span.setAttribute("nightshift.code", code);
  if (thrown instanceof CancelJob || thrown instanceof SnoozeJob) return;
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
}
