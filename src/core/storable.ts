import type { FieldProblem } from "./errors.ts";

/** Deeper values would exhaust the stack of our JSON writer and of Postgres's JSON reader. */
const maxDepth = 100;

/**
 * What the stores cannot keep as it is, wherever it stands inside `value`: text with a NUL or half a surrogate pair (neither
 * is text to Postgres), numbers JSON cannot write (1e999 reads as Infinity), values that are not JSON, and values nested
 * too deep. One such value would fail a whole group commit; refused here, it fails alone, by its path.
 */
export function unstorable(value: unknown, path: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  visit(value, path, 0, problems);
  return problems;
}

function visit(value: unknown, path: string, depth: number, problems: FieldProblem[]): void {
  switch (typeof value) {
    case "string":
      if (value.includes("\0")) add("no NUL character, found one", "nul_character");
      else if (!value.isWellFormed()) add("whole Unicode characters, found half a surrogate pair", "lone_surrogate");
      return;
    case "number":
      if (!Number.isFinite(value)) add("a finite number, found one too large for JSON", "not_finite");
      return;
    case "bigint":
    case "function":
    case "symbol":
      add(`a JSON value, found a ${typeof value}`, "not_json");
      return;
    case "object":
      if (value !== null) members(value);
  }

  function members(container: object): void {
    if (depth >= maxDepth) {
      add(`at most ${maxDepth} levels, found more`, "too_deep");
      return;
    }
    const prefix = path === "" ? "" : `${path}.`;
    if (Array.isArray(container)) {
      for (let index = 0; index < container.length; index += 1)
        if (mayOffend(container[index])) visit(container[index], `${prefix}${index}`, depth + 1, problems);
      return;
    }
    for (const [name, member] of Object.entries(container)) {
      if (name.includes("\0") || !name.isWellFormed()) visit(name, `${prefix}${JSON.stringify(name)}`, depth, problems);
      if (mayOffend(member)) visit(member, `${prefix}${name}`, depth + 1, problems);
    }
  }

  function add(expected: string, code: string): void {
    problems.push({ path, message: `Expected ${expected}`, code });
  }
}

/** Spares most members the building of a path. */
function mayOffend(value: unknown): boolean {
  switch (typeof value) {
    case "boolean":
    case "undefined":
      return false;
    case "number":
      return !Number.isFinite(value);
    case "string":
      return value.includes("\0") || !value.isWellFormed();
    default:
      return value !== null;
  }
}
