import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "vitest";
import { z } from "zod";
import { GlyphMissing } from "#jobs/documents/coverage.ts";
import { problemsOfRequest, RequestRefused, readRequest } from "#jobs/documents/request.ts";
import { findTemplate, templates } from "#jobs/documents/template-list.ts";

const fixturesOf = async (id: string) => (await findTemplate(id)!.fixtures()).fixtures;

for (const { id } of templates) {
  for (const { name, locale, userInputs, expected } of await fixturesOf(id)) {
    test(`${id}, ${name}: ${expected.outcome} at the door`, () => {
      const problems = problemsOfRequest({ templateId: id, userInputs, locale });
      const wanted = expected.outcome === "refused" ? expected.problems : {};
      assert.deepEqual(
        problems.map(({ path }) => path).toSorted(),
        Object.keys(wanted)
          .map((path) => `userInputs.${path}`)
          .toSorted(),
      );
      for (const { path, code, message } of problems) {
        const hint = wanted[path.replace("userInputs.", "")]!;
        assert.ok(code === hint || message.includes(hint), `${path}: expected ${hint}, found ${code}: ${message}`);
      }
    });
  }
}

test("an unknown template, version and locale are refused at their paths", async () => {
  const userInputs = (await fixturesOf("tax-invoice"))[0]!.userInputs;
  const codes = (request: { templateId: string; locale?: string; templateVersion?: number }) =>
    problemsOfRequest({ userInputs, ...request }).map(({ path, code }) => [path, code]);
  assert.deepEqual(codes({ templateId: "tax-invoice", locale: "en-IN", templateVersion: 1 }), []);
  assert.deepEqual(codes({ templateId: "tax-invoicee" }), [["templateId", "template_unknown"]]);
  assert.deepEqual(codes({ templateId: "toString" }), [["templateId", "template_unknown"]]);
  assert.deepEqual(codes({ templateId: "tax-invoice", locale: "fr-FR", templateVersion: 2 }), [
    ["templateVersion", "template_version_unknown"],
    ["locale", "locale_unsupported"],
  ]);
});

test("userInputs that are not an object at all are refused at userInputs", () => {
  for (const userInputs of [null, undefined, 5, "text", []]) {
    const problems = problemsOfRequest({ templateId: "tax-invoice", userInputs });
    assert.deepEqual(
      problems.map(({ path }) => path),
      ["userInputs"],
    );
  }
});

test("what slipped past the door is a permanent error in the thread", async () => {
  const userInputs = { ...((await fixturesOf("compliance-certificate"))[0]!.userInputs as object), companyName: "🚀" };
  const request = { templateId: "compliance-certificate", userInputs };
  assert.throws(
    () => readRequest(request),
    (error) => {
      assert.ok(error instanceof GlyphMissing && error.permanent);
      assert.deepEqual(error.details, { path: "userInputs.companyName", character: "U+1F680" });
      return error.code === "glyph_missing";
    },
  );
  assert.throws(
    () => readRequest({ ...request, locale: "xx", userInputs: {} }),
    (error) => {
      return error instanceof RequestRefused && error.permanent && error.problems.length > 5;
    },
  );
});

test("every schema can be published as JSON Schema and refuses unknown fields", () => {
  for (const { id, inputs } of templates) {
    const schema = z.toJSONSchema(inputs);
    assert.equal(schema.additionalProperties, false, id);
  }
});

test("every fixture's title and file name are plain", async () => {
  for (const template of templates) {
    for (const { userInputs, expected } of await fixturesOf(template.id)) {
      if (expected.outcome === "refused") continue;
      assert.match(findTemplate(template.id)!.fileName(userInputs), /^[A-Za-z0-9.-]+\.pdf$/);
    }
  }
});

test("checking a request loads neither pdfkit nor a font", () => {
  const seen = new Set<string>();
  const foreign = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, path = ""] of readFileSync(file, "utf8").matchAll(/^import (?!type )(?:[^;"]* from )?"([^"]+)";/gm)) {
      const next = path.startsWith(".") ? join(dirname(file), path) : path.replace(/^#core\//, "src/core/");
      if (existsSync(next)) visit(next);
      else foreign.add(path);
    }
  };
  visit("jobs/documents/request.ts");
  assert.deepEqual([...foreign], ["zod"]);
  assert.ok(![...seen].some((file) => /drawing|fixtures|fonts|sheet/.test(file)));
});
