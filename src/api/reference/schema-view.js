import { h, inline } from "./dom.js";
import { refName, resolve } from "./sample.js";

/** The fields of a schema as a tree that opens level by level. `open`: levels shown from the start. */
export function schemaView(schema, doc, { open = 2, within = [] } = {}) {
  const name = refName(schema);
  const resolved = resolve(schema, doc);
  const nested = { open: open - 1, within: name ? [...within, name] : within };
  if (name && within.includes(name)) return h("p", { class: "muted" }, `${name}, as above`);

  const { properties, required = [] } = resolved;
  if (properties && Object.keys(properties).length > 0) {
    const rows = Object.entries(properties).map(([field, member]) => fieldView(field, member, doc, required, nested));
    return h("ul", { class: "fields" }, rows);
  }
  const choices = choicesOf(resolved);
  if (choices.length > 1)
    return h(
      "div",
      { class: "choices" },
      h("p", { class: "muted" }, "One of"),
      choices.map((choice, index) => choiceView(choice, index, doc, nested)),
    );
  if (choices.length === 1) return schemaView(choices[0], doc, { open, within });
  if (resolved.items) return schemaView(resolved.items, doc, nested);
  if (typeof resolved.additionalProperties === "object" && hasFields(resolved.additionalProperties, doc))
    return schemaView(resolved.additionalProperties, doc, nested);
  return h("p", { class: "muted" }, typeName(schema, doc));
}

/** A short name of a type: `string`, `array of Attempt`, `JobState`, `integer or null`. */
export function typeName(schema, doc) {
  const name = refName(schema);
  const resolved = resolve(schema, doc);
  if (name) return name;
  if (resolved.const !== undefined) return JSON.stringify(resolved.const);
  const alternatives = resolved.oneOf ?? resolved.anyOf;
  if (alternatives) return [...new Set(alternatives.map((one) => typeName(one, doc)))].join(" or ");
  if (resolved.type === "array") return `array of ${typeName(resolved.items ?? {}, doc)}`;
  if (Array.isArray(resolved.type)) return resolved.type.join(" or ");
  if (resolved.format) return resolved.format;
  return resolved.type ?? "any JSON";
}

function fieldView(field, schema, doc, required, nested) {
  const resolved = resolve(schema, doc);
  const head = [
    h("code", { class: "field" }, field),
    h("span", { class: "type" }, typeName(schema, doc)),
    required.includes(field) && h("span", { class: "required" }, "required"),
    limits(resolved).map((limit) => h("span", { class: "limit" }, limit)),
  ];
  const about = resolved.description && h("p", { class: "about" }, inline(resolved.description));
  if (!hasFields(schema, doc)) return h("li", null, h("div", { class: "line" }, head), about);
  return h(
    "li",
    null,
    h(
      "details",
      { open: nested.open > 0 },
      h("summary", { class: "line" }, head),
      about,
      schemaView(schema, doc, nested),
    ),
  );
}

function choiceView(choice, index, doc, nested) {
  const { title, properties = {} } = resolve(choice, doc);
  const tell = Object.entries(properties).find(([, member]) => member.const !== undefined);
  const label = tell
    ? `${tell[0]}: ${JSON.stringify(tell[1].const)}`
    : (title ?? refName(choice) ?? `Variant ${index + 1}`);
  if (!hasFields(choice, doc)) return h("p", { class: "type" }, typeName(choice, doc));
  return h("details", null, h("summary", { class: "line" }, h("code", null, label)), schemaView(choice, doc, nested));
}

function hasFields(schema, doc, depth = 0) {
  const resolved = resolve(schema, doc);
  if (depth > 6) return false;
  if (resolved.properties && Object.keys(resolved.properties).length > 0) return true;
  if (resolved.items) return hasFields(resolved.items, doc, depth + 1);
  if (typeof resolved.additionalProperties === "object" && resolved.additionalProperties !== null)
    return hasFields(resolved.additionalProperties, doc, depth + 1);
  return choicesOf(resolved).some((choice) => hasFields(choice, doc, depth + 1));
}

/** Alternatives apart from `null`, which the type's name already tells. */
function choicesOf(schema) {
  return (schema.oneOf ?? schema.anyOf ?? []).filter((choice) => choice.type !== "null");
}

function limits(schema) {
  const found = [];
  if (schema.enum) found.push(schema.enum.map((one) => JSON.stringify(one)).join(" "));
  if (schema.default !== undefined) found.push(`default ${JSON.stringify(schema.default)}`);
  if (schema.exclusiveMinimum !== undefined) found.push(`> ${schema.exclusiveMinimum}`);
  found.push(...between(schema.minimum, schema.maximum, ""));
  found.push(...between(schema.minLength, schema.maxLength, " characters"));
  found.push(...between(schema.minItems, schema.maxItems, " items"));
  if (schema.pattern !== undefined && schema.pattern.length < 60) found.push(`/${schema.pattern}/`);
  return found;
}

function between(least, most, unit) {
  if (least === undefined && most === undefined) return [];
  if (least === most) return [`${least}${unit}`];
  if (most === undefined) return [`≥ ${least}${unit}`];
  return [least === undefined ? `≤ ${most}${unit}` : `${least}–${most}${unit}`];
}
