import { type FieldProblem, PermanentError } from "#core/errors.ts";
import { toProblems } from "#core/problems.ts";
import { findTextProblem, GlyphMissing } from "./coverage.ts";
import { defaultLocale, type Locale } from "./locale.ts";
import { findTemplate } from "./template-list.ts";
import type { DocumentTemplate } from "./templates/template.ts";

/**
 * What to render, checked. The door refuses a bad request with `problemsOfRequest`; a render thread checks again with
 * `readRequest`, because a job may have waited since the previous release, or come in by another door.
 */
export interface DocumentRequest {
  readonly templateId: string;
  /** The version that the request was checked against; absent means the current one. */
  readonly templateVersion?: number | undefined;
  readonly userInputs: unknown;
  /** Default `en-IN`. */
  readonly locale?: string | undefined;
}

/** A request that no retry can render: unknown template, version or locale, or inputs that break the template's schema. */
export class RequestRefused extends PermanentError {
  readonly code = "document_request_refused";
  readonly problems: readonly FieldProblem[];

  constructor(problems: readonly FieldProblem[]) {
    const [first] = problems;
    super(`Expected a document request that its template accepts; at "${first?.path ?? ""}": ${first?.message ?? ""}`, {
      problems: problems.slice(0, 20),
    });
    this.problems = problems;
  }
}

/** Every problem of a request, with its path (`userInputs.lines.3.quantity`); empty when it can be rendered. */
export function problemsOfRequest(request: DocumentRequest): readonly FieldProblem[] {
  const template = findTemplate(request.templateId);
  if (!template) return [{ path: "templateId", code: "template_unknown", message: "there is no template of this id" }];
  const problems: FieldProblem[] = [];
  if (request.templateVersion !== undefined && request.templateVersion !== template.version) {
    const message = `expected version ${template.version}, the only one that is still drawn`;
    problems.push({ path: "templateVersion", code: "template_version_unknown", message });
  }
  if (!speaks(template, request.locale ?? defaultLocale)) {
    const message = `expected one of ${template.locales.join(", ")}`;
    problems.push({ path: "locale", code: "locale_unsupported", message });
  }
  const parsed = template.inputs.safeParse(request.userInputs);
  return parsed.success
    ? problems
    : [...problems, ...parsed.error.issues.flatMap((issue) => toProblems(issue, ["userInputs"]))];
}

/** Template, inputs and locale of a request. Throws `GlyphMissing` or `RequestRefused`, both permanent. */
export function readRequest(request: DocumentRequest): {
  readonly template: DocumentTemplate;
  readonly inputs: unknown;
  readonly locale: Locale;
} {
  for (const { path, text } of textsIn(request.userInputs, "userInputs")) {
    const problem = findTextProblem(text);
    if (problem?.code === "glyph_missing") throw new GlyphMissing(path, problem.character);
  }
  const problems = problemsOfRequest(request);
  if (problems.length > 0) throw new RequestRefused(problems);
  const locale = (request.locale ?? defaultLocale) as Locale;
  return { template: findTemplate(request.templateId)!, inputs: request.userInputs, locale };
}

function speaks(template: DocumentTemplate, locale: string): boolean {
  return (template.locales as readonly string[]).includes(locale);
}

function* textsIn(value: unknown, path: string): Generator<{ readonly path: string; readonly text: string }> {
  if (typeof value === "string") yield { path, text: value };
  else if (value !== null && typeof value === "object") {
    for (const [key, child] of Object.entries(value)) yield* textsIn(child, `${path}.${key}`);
  }
}
