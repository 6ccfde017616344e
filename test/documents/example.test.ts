import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "vitest";
import { payload } from "#jobs/documents/generate.job.ts";
import { templates } from "#jobs/documents/template-list.ts";

const examples = (payload.meta()?.examples ?? []) as readonly { templateId: string }[];

test("every template has an example in the reference, and it is accepted", () => {
  assert.deepEqual(
    examples.map(({ templateId }) => templateId),
    templates.map(({ id }) => id),
  );
  for (const example of examples) assert.deepEqual(payload.parse(example), example);
});

test("the file that README.md and docs/api.md send is the first of them", () => {
  const file = readFileSync(new URL("../../docs/examples/tax-invoice.json", import.meta.url), "utf8");
  assert.deepEqual(JSON.parse(file), { payload: examples[0] });
});
