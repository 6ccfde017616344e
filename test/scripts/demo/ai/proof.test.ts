import assert from "node:assert/strict";
import { test } from "vitest";
import { type AiEvidence, type Answered, aiDifferences, type Part } from "../../../../scripts/demo/ai/proof.ts";

/** The parts of jobs, calls and bills that the verdict reads. */
function answered(part: Part, provider: string, changes: object = {}): Answered {
  const result = { provider, degraded: provider === "simple", cached: part === "repeated", costMicros: 0, ...changes };
  const job = { id: part, job: "ai.respond", state: "completed", result, error: null };
  return { part, message: `the ${part} one`, job } as unknown as Answered;
}

function call(id: string, jobId: Part, provider: string, errorCode: string | null = null) {
  return {
    id,
    jobId,
    provider,
    state: errorCode ? "failed" : "answered",
    errorCode,
    costMicros: errorCode ? null : 10,
  };
}

const down = call("a", "limited", "openai", "provider_unavailable");
const limited = call("b", "limited", "perplexity", "provider_limited");
const calls = [down, limited, call("c", "limited", "perplexity"), call("d", "overflow", "huggingface")];
const line = (callId: string | null) => ({ callId, micros: 10 });

function evidence(changes: Partial<Record<keyof AiEvidence, unknown>> = {}): AiEvidence {
  return {
    answered: [
      answered("limited", "perplexity"),
      answered("repeated", "perplexity"),
      answered("overflow", "huggingface"),
      answered("exhausted", "simple"),
    ],
    calls,
    bill: { calls: 2, micros: 20, duplicates: 0, lines: [line("d"), line("c")] },
    spent: { spentMicros: 20, reservedMicros: 0 },
    ...changes,
  } as AiEvidence;
}

test("when the bill is what was recorded nothing differs", () => {
  assert.deepEqual(aiDifferences(evidence()), []);
});

const dead = {
  ...answered("usual", "perplexity").job,
  state: "dead",
  result: null,
  error: { code: "x", message: "y" },
};

test.each<[string, Parameters<typeof evidence>[0], RegExp]>([
  [
    "a question that died",
    { answered: [{ part: "usual", message: "m", job: dead }] },
    /expected completed, found dead \(x: y\)/,
  ],
  [
    "an answer of somebody else",
    { answered: [answered("usual", "openai")] },
    /expected an answer of perplexity, found openai/,
  ],
  [
    "a degraded answer that does not say so",
    { answered: [answered("exhausted", "simple", { degraded: false })] },
    /expected an answer marked degraded/,
  ],
  [
    "an answer that was bought twice",
    { answered: [answered("repeated", "perplexity", { cached: false })] },
    /expected the answer bought before/,
  ],
  ["a limit that was not met", { calls: [down, calls[2], calls[3]] }, /expected one call that was limited/],
  [
    "a first provider that was not asked",
    { calls: calls.slice(1) },
    /expected calls to openai that all failed, found none/,
  ],
  [
    "a charge that is not on record",
    { bill: { calls: 3, micros: 20, duplicates: 0, lines: [line("d"), line("c"), line(null)] } },
    /bill to name the 2 answered calls on record, found 3/,
  ],
  [
    "a bill that is higher",
    { bill: { ...evidence().bill, micros: 21 }, spent: { spentMicros: 21, reservedMicros: 0 } },
    /expected a bill of 20 micros, found 21/,
  ],
  ["a request that was paid for twice", { bill: { ...evidence().bill, duplicates: 1 } }, /charged for twice, found 1/],
  [
    "a budget that differs",
    { spent: { spentMicros: 19, reservedMicros: 0 } },
    /expected a budget with 20 micros spent/,
  ],
  ["money that is still reserved", { spent: { spentMicros: 20, reservedMicros: 5 } }, /found 20 and 5/],
])("%s is named", (_, changes, expected) => {
  const found = aiDifferences(evidence(changes));
  assert.equal(found.filter((difference) => expected.test(difference)).length, 1, found.join("\n"));
});
