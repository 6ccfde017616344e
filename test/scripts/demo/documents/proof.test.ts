import assert from "node:assert/strict";
import { test } from "vitest";
import { type DocumentEvidence, documentDifferences, type Made } from "../../../../scripts/demo/documents/proof.ts";
import { ProblemError } from "../../../../src/client/client.ts";

const sha256 = "a".repeat(64);

/** A certificate as a demo that went well finds it; the parts that the verdict does not read are left out. */
function made(id: string, changes: { job?: object; versions?: readonly object[]; sha256?: string } = {}): Made {
  const documentId = `document of ${id}`;
  const attempts = [{ number: 1, outcome: "completed" }];
  const result = { documentId, version: 1, sha256, sizeBytes: 1, pageCount: 1 };
  return {
    job: { id, job: "documents.generate", state: "completed", attempts, result, error: null, ...changes.job },
    versions: changes.versions ?? [{ documentId, jobId: id, version: 1, sha256 }],
    sha256: changes.sha256 ?? sha256,
    path: "x.pdf",
  } as unknown as Made;
}

const survivor = made("survivor", {
  job: {
    attempts: [
      { number: 1, outcome: "lost" },
      { number: 2, outcome: "completed" },
    ],
  },
});
const problem = { type: "about:blank", title: "", status: 422, code: "invalid_input" };
const errors = [{ path: "payload.userInputs.recipient.gstin", message: "" }];

/** What a verification of one tenant answers. */
function verification(checked: number, changes: object = {}) {
  const result = { checked, missing: [], corrupt: [], ...changes };
  return { id: "v", job: "operations.verify-documents", state: "completed", result };
}

function evidence(changes: Partial<Record<keyof DocumentEvidence, unknown>> = {}): DocumentEvidence {
  const all = changes.made ?? [made("one"), survivor];
  const checked = (all as Made[]).length;
  return {
    made: all,
    verified: [verification(1), verification(checked - 1)],
    listed: checked + 2,
    refusal: new ProblemError({ ...problem, errors }, new Headers()),
    killed: { worker: "worker-1", pid: 1, held: ["survivor"], doneBefore: 15, at: 0 },
    ...changes,
  } as DocumentEvidence;
}

test("when all went well nothing differs", () => {
  assert.deepEqual(documentDifferences(evidence()), []);
});

const twice = [
  { documentId: "document of one", jobId: "one", version: 1, sha256 },
  { documentId: "document of one", jobId: "one", version: 2, sha256 },
];
const dead = { state: "dead", error: { code: "too_hot", message: "It melted" } };

test.each<[string, Parameters<typeof evidence>[0], RegExp]>([
  [
    "a job that died",
    { made: [made("one", { job: dead }), survivor] },
    /one: expected completed, found dead \(too_hot: It melted\)/,
  ],
  [
    "a job still open",
    { made: [made("one", { job: { state: "running" } }), survivor] },
    /one: expected completed, found running/,
  ],
  [
    "a document made twice",
    { made: [made("one", { versions: twice }), survivor] },
    /one: expected one version, made by this job, found 2/,
  ],
  [
    "a document that is gone",
    { made: [made("one", { versions: [] }), survivor] },
    /one: expected one version, .* found 0/,
  ],
  [
    "other bytes than promised",
    { made: [made("one", { sha256: "b".repeat(64) }), survivor] },
    /one: expected bytes with SHA-256 a+, found b+/,
  ],
  ["two jobs with one document", { made: [survivor, survivor] }, /expected 2 different documents, found 1/],
  ["a job that nobody asked for", { listed: 5 }, /expected 4 jobs for documents in the list of the API, found 5/],
  [
    "a document that no job owns up to",
    { verified: [verification(1), verification(2)] },
    /expected 2 stored versions .* found 3/,
  ],
  ["damage", { verified: [verification(1), verification(1, { corrupt: ["x/1"] })] }, /found damage in x\/1/],
  [
    "a verification that did not end",
    { verified: [verification(2), { id: "w", job: "operations.verify-documents", state: "running", result: null }] },
    /operations.verify-documents w: expected completed, found running/,
  ],
  ["a bad GSTIN that was accepted", { refusal: null }, /expected the bad GSTIN to be refused .* found no refusal/],
  [
    "a refusal without the path",
    { refusal: new ProblemError(problem, new Headers()) },
    /refused with 422 and its path, found 422/,
  ],
  ["no worker killed in time", { killed: null }, /expected a worker to be killed/],
  [
    "a kill that nobody noticed",
    { made: [made("one"), made("two")] },
    /expected the killed worker's jobs to show a lost attempt/,
  ],
])("%s is named", (_, changes, expected) => {
  const found = documentDifferences(evidence(changes));
  assert.equal(found.filter((difference) => expected.test(difference)).length, 1, found.join("\n"));
});
