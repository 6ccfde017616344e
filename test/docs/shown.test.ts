import assert from "node:assert/strict";
import { test } from "vitest";
import { differences } from "./shown.ts";

const job = "019aa0f5-3c1e-7f4e-9a53-0d3c1f6f2b8a";
const other = "019aa0f6-0000-7f4e-9a53-0d3c1f6f2b8a";
const answer = JSON.stringify({
  id: job,
  state: "completed",
  items: [{ n: 1 }, { n: 2 }, { n: 3 }],
  links: { self: `/v1/jobs/${job}` },
});

test.each([
  [
    "all of it",
    '{"id":"019aa0f5-…","state":"completed","items":[{"n":1},{"n":2},{"n":3}],"links":{"self":"/v1/jobs/019aa0f5-…"}}',
  ],
  ["members left out", '{"state": "completed", …}'],
  ["a value left out", '{"id": …, "state": "completed", "items": […], "links": {…}}'],
  ["a part of a text left out", '{"state": "comp…", …}'],
  ["the last items left out", '{"items": [{"n": 1}, …], …}'],
  ["the first items left out", '{"items": […, {"n": 3}], …}'],
  ["items left out in between", '{"items": [{"n": 1}, …, {"n": 3}], …}'],
])("a page may show an answer with %s", (_, shown) => {
  assert.deepEqual(differences(shown, answer, new Map()), []);
});

test.each([
  ["another value", '{"state": "dead", …}', /^body\.state: shown "dead"/],
  ["a field that is not there", '{"status": "completed", …}', /^body\.status: shown, not answered/],
  ["fewer fields, and does not say so", '{"state": "completed"}', /^body\.id: not shown/],
  ["fewer items, and does not say so", '{"items": [{"n": 1}, {"n": 2}], …}', /^body\.items: 2 items shown, 3 answered/],
  ["more items", '{"items": [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}], …}', /^body\.items\.3: shown/],
  ["items in another order", '{"items": [{"n": 2}, …, {"n": 1}], …}', /^body\.items\.0\.n: shown 2/],
  ["an item that never comes", '{"items": […, {"n": 4}], …}', /^body\.items: shown {"n":4}, not answered/],
  ["a text instead of a number", '{"items": [{"n": "1"}, …], …}', /^body\.items\.0\.n: shown "1"/],
  ["two names for one id", '{"id": "019aa0f5-…", "links": {"self": "/v1/jobs/019aa0f7-…"}, …}', /^body\.links\.self/],
])("a page that shows %s is found out", (_, shown, told) => {
  assert.match(differences(shown, answer, new Map()).join("\n"), told);
});

test("a page that calls two things by one name is found out, also in another answer", () => {
  const names = new Map();
  assert.deepEqual(differences('{"id": "019aa0f5-…"}', JSON.stringify({ id: job }), names), []);
  assert.deepEqual(differences('{"id": "019aa0f5-…"}', JSON.stringify({ id: job }), names), []);
  assert.equal(differences('{"id": "019aa0f5-…"}', JSON.stringify({ id: other }), names).length, 1);
});

test("a text is compared as it stands, with what is left out", () => {
  const csv = "period,orders\r\n2026-10,3\r\n";
  assert.deepEqual(differences("period,orders\n2026-10,3", csv, new Map()), []);
  assert.deepEqual(differences("period,orders\n…", csv, new Map()), []);
  assert.equal(differences("period,orders\n2026-10,4", csv, new Map()).length, 1);
});
