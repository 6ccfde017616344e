import assert from "node:assert/strict";
import { type Context, type Span, type SpanOptions, trace } from "@opentelemetry/api";
import { afterEach, test } from "vitest";
import { CancelJob } from "../../src/core/outcome.ts";
import { parseTraceparent, withTrace } from "../../src/observability/trace.ts";

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const header = `00-${traceId}-00f067aa0ba902b7-01`;

afterEach(() => trace.disable());

interface Recorded {
  readonly name: string;
  readonly parent: string | undefined;
  readonly attributes: Record<string, unknown>;
  status: unknown;
  ended: boolean;
}

/** As much of an SDK as a span needs. */
function record(): Recorded[] {
  const spans: Recorded[] = [];
  const startSpan = (name: string, options: SpanOptions, at: Context) => {
    const parent = trace.getSpanContext(at);
    const span: Recorded = {
      name,
      parent: parent?.spanId,
      attributes: { ...options.attributes },
      status: null,
      ended: false,
    };
    spans.push(span);
    return {
      spanContext: () => ({ traceId: parent?.traceId ?? "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 }),
      setAttribute: (key: string, value: unknown) => Object.assign(span.attributes, { [key]: value }),
      setStatus: (status: unknown) => Object.assign(span, { status }),
      end: () => Object.assign(span, { ended: true }),
    } as unknown as Span;
  };
  trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan: () => undefined as never }) });
  return spans;
}

test("an attempt continues the trace of the request, and hands its own span on", async () => {
  const spans = record();
  const onward = await withTrace(
    header,
    "tests.run",
    { "nightshift.queue": "tests" },
    async (traceparent) => traceparent,
  );
  assert.equal(onward, `00-${traceId}-${"b".repeat(16)}-01`);
  assert.deepEqual(spans, [
    {
      name: "tests.run",
      parent: "00f067aa0ba902b7",
      attributes: { "nightshift.queue": "tests" },
      status: null,
      ended: true,
    },
  ]);
});

test("without an SDK the handler sees the trace that came in", async () => {
  assert.equal(await withTrace(header, "tests.run", {}, async (traceparent) => traceparent), header);
  assert.equal(await withTrace(undefined, "tests.run", {}, async (traceparent) => traceparent), undefined);
});

test("a failure marks the span with its code alone, and is passed on", async () => {
  const spans = record();
  const secret = new Error("select * from people where email = 'a@example.org'");
  await assert.rejects(
    withTrace(header, "tests.run", {}, () => Promise.reject(secret)),
    secret,
  );
  assert.equal(spans[0]!.ended, true);
  assert.doesNotMatch(JSON.stringify(spans), /example\.org/);
  assert.match(JSON.stringify(spans[0]!.status), /handler_error/);
});

test("a job cancelled by its handler is no error", async () => {
  const spans = record();
  await assert.rejects(withTrace(header, "tests.run", {}, () => Promise.reject(new CancelJob("gone"))));
  assert.equal(spans[0]!.status, null);
  assert.equal(spans[0]!.attributes["nightshift.code"], "gone");
});

test.each([
  undefined,
  "",
  "nonsense",
  `ff${header.slice(2)}`,
  `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
  `${header}-x`,
])("the traceparent %j starts a new trace", (broken) => {
  assert.equal(parseTraceparent(broken), null);
});
