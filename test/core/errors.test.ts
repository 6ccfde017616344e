import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "vitest";
import { InvalidInput, NightshiftError, StoreUnavailable, summarize } from "../../src/core/errors.ts";
import { CancelJob, RetryAfter } from "../../src/core/outcome.ts";
import { unstorable } from "../../src/core/storable.ts";

class Said extends NightshiftError {
  readonly code = "said";
}

/** Text with everything in it that no store takes: NUL, halves of surrogate pairs, astral characters. */
const anyText = fc.string({ unit: "binary", maxLength: 2_000, size: "max" });

test("an error of ours keeps its code, message and details; one without details has none", () => {
  assert.deepEqual(summarize(new CancelJob("gone", { id: 7 })), {
    code: "gone",
    message: "The handler cancelled its job: gone",
    details: { id: 7 },
  });
  assert.deepEqual(summarize(new RetryAfter(5)).details, { delayMs: 5 });
  assert.equal("details" in summarize(new Said("plain")), false);
});

test("the cause, the stack and the rejected fields of an error of ours stay out", () => {
  const secret = new Error("postgres://user:secret@host");
  for (const error of [new StoreUnavailable("postgres", secret), new InvalidInput("x", [{ path: "a", message: "b" }])])
    assert.deepEqual(
      Object.keys(summarize(error))
        .toSorted()
        .filter((key) => !/^(code|message|details)$/.test(key)),
      [],
    );
  assert.doesNotMatch(JSON.stringify(summarize(new StoreUnavailable("postgres", secret))), /secret/);
});

test("of a foreign error the class and the system code are told, and not a word of its message", () => {
  const error = Object.assign(new TypeError("the address a@b.example is unknown"), { code: "ECONNREFUSED" });
  assert.match(summarize(error).message, /^TypeError \(ECONNREFUSED\): /);
  const property = fc.property(anyText, anyText, anyText, (message, name, code) => {
    const told = summarize(
      Object.assign(new Error(`secret ${message}`), { name: `secret ${name}`, code: `secret ${code}` }),
    );
    assert.equal(told.code, "handler_error");
    assert.doesNotMatch(told.message, /secret/);
  });
  fc.assert(property);
});

test("whatever is thrown, its summary can be stored and is short", () => {
  const ours = fc
    .tuple(anyText, fc.dictionary(fc.string(), fc.anything()))
    .map(([text, details]) => new Said(text, details));
  const cancels = anyText.map((code) => new CancelJob(code));
  const foreign = fc.tuple(anyText, anyText).map(([name, code]) => Object.assign(new Error(), { name, code }));
  const property = fc.property(fc.oneof(ours, cancels, foreign, fc.anything()), (thrown) => {
    const summary = summarize(thrown);
    assert.deepEqual(unstorable(summary, ""), []);
    assert.ok(JSON.stringify(summary).length < 20_000);
    assert.ok(summary.message.length <= 500 && summary.code.length <= 500);
  });
  fc.assert(property, { numRuns: 500 });
});
