/** Strings that look like what their format asks for. */
const byFormat = {
  uuid: "0193a1de-7a53-7cc1-9d6e-2f1f3a5b7c90",
  "date-time": "2026-11-05T09:30:00Z",
  date: "2026-11-05",
  time: "09:30:00",
  email: "ada@example.com",
  uri: "https://example.com/hook",
};

/** Follow a `$ref` of the document. */
export function resolve(schema, document) {
  if (!schema?.$ref) return schema ?? {};
  const { $ref, ...rest } = schema;
  const target = $ref
    .slice(2)
    .split("/")
    .reduce((place, name) => place?.[name.replaceAll("~1", "/").replaceAll("~0", "~")], document);
  return { ...target, ...rest };
}

/** The name of a `$ref`'d schema, if it is one. */
export function refName(schema) {
  return schema?.$ref?.split("/").at(-1);
}

/**
 * A value that a schema allows, or nearly so: a pattern is not solved. `all: false` leaves optional fields out.
 * A schema's own `examples` win.
 */
export function sampleOf(schema, document, { all = true, depth = 0 } = {}) {
  const resolved = resolve(schema, document);
  const deeper = { all, depth: depth + 1 };
  if (resolved.examples?.length > 0) return resolved.examples[0];
  if (resolved.const !== undefined) return resolved.const;
  if (resolved.default !== undefined) return resolved.default;
  if (resolved.enum) return resolved.enum[0];
  const choices = resolved.oneOf ?? resolved.anyOf;
  if (choices) return sampleOf(choices.find((choice) => choice.type !== "null") ?? choices[0], document, deeper);
  if (resolved.allOf) return Object.assign({}, ...resolved.allOf.map((part) => sampleOf(part, document, deeper)));
  if (depth > 8) return null;

  const type = Array.isArray(resolved.type) ? resolved.type.find((one) => one !== "null") : resolved.type;
  switch (type ?? (resolved.properties ? "object" : undefined)) {
    case "object": {
      const required = new Set(resolved.required ?? []);
      const shown = Object.entries(resolved.properties ?? {}).filter(([name]) => all || required.has(name));
      return Object.fromEntries(shown.map(([name, member]) => [name, sampleOf(member, document, deeper)]));
    }
    case "array": {
      const items = resolved.prefixItems ?? (resolved.items ? [resolved.items] : []);
      return items.map((item) => sampleOf(item, document, deeper));
    }
    case "string":
      return byFormat[resolved.format] ?? "text".padEnd(resolved.minLength ?? 0, "x").slice(0, resolved.maxLength);
    case "integer":
    case "number":
      return Math.max(resolved.minimum ?? 1, (resolved.exclusiveMinimum ?? 0) + 1);
    case "boolean":
      return false;
    case "null":
      return null;
    default:
      return {};
  }
}
