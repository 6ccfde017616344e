import { codeBlock, h, inline, prose } from "./dom.js";
import { sampleOf } from "./sample.js";
import { schemaView, typeName } from "./schema-view.js";

/** One call of the API: what it takes and answers, beside a line that works. */
export function operationView({ id, path, method, operation }, doc) {
  const body = operation.requestBody?.content["application/json"]?.schema;
  const parameters = operation.parameters ?? [];
  const about = h(
    "div",
    { class: "about-operation" },
    h("h3", null, operation.summary, h("a", { class: "anchor", href: `#${id}`, "aria-label": "Link to this" }, "#")),
    h("p", { class: "address" }, badge(method), h("code", null, pathView(path))),
    prose(operation.description),
    parametersView(parameters, doc),
    body && [h("h4", null, "Body"), schemaView(body, doc)],
    h("h4", null, "Answers"),
    Object.entries(operation.responses).map(([status, response]) => responseView(status, response, doc)),
  );
  const example = h(
    "div",
    { class: "example" },
    codeBlock(curlOf({ path, method, operation }, doc), "curl"),
    sampleAnswer(operation, doc),
  );
  return h("article", { id, class: "operation", "data-text": textOf({ path, method, operation }) }, about, example);
}

function parametersView(parameters, doc) {
  const places = { path: "In the path", query: "In the query", header: "Headers" };
  return Object.entries(places).map(([place, title]) => {
    const here = parameters.filter((parameter) => parameter.in === place);
    if (here.length === 0) return null;
    const properties = Object.fromEntries(
      here.map(({ name, schema, description }) => [name, { ...schema, ...(description && { description }) }]),
    );
    const required = here.filter((parameter) => parameter.required).map(({ name }) => name);
    return [h("h4", null, title), schemaView({ properties, required }, doc)];
  });
}

function responseView(status, { description, headers = {}, content = {} }, doc) {
  const [type, media] = Object.entries(content)[0] ?? [];
  const kind = `status s${status[0]}`;
  const head = [h("span", { class: kind }, status), h("span", { class: "answer" }, inline(description))];
  const named = Object.entries(headers).filter(([name]) => name !== "X-Request-Id");
  const isProblem = type === "application/problem+json";
  if (isProblem || (!media?.schema && named.length === 0))
    return h(
      "div",
      { class: "response" },
      h("div", { class: "line" }, head, type && !isProblem && h("span", { class: "type" }, type)),
    );
  return h(
    "details",
    { class: "response" },
    h(
      "summary",
      { class: "line" },
      head,
      h("span", { class: "type" }, media?.schema ? typeName(media.schema, doc) : type),
    ),
    named.length > 0 &&
      h(
        "ul",
        { class: "fields" },
        named.map(([name, header]) =>
          h(
            "li",
            null,
            h("div", { class: "line" }, h("code", { class: "field" }, name), h("span", { class: "type" }, "header")),
            h("p", { class: "about" }, inline(header.description)),
          ),
        ),
      ),
    media?.schema && schemaView(media.schema, doc, { open: 1 }),
  );
}

function sampleAnswer(operation, doc) {
  const usual = operation.requestBody && operation.responses[202] ? "202" : "2";
  const [status, response] = Object.entries(operation.responses).find(([code]) => code.startsWith(usual)) ?? [];
  const schema = response?.content?.["application/json"]?.schema;
  return schema ? codeBlock(JSON.stringify(sampleOf(schema, doc), null, 2), `${status} answer`) : null;
}

/** A line that works once the key is in the environment. */
function curlOf({ path, method, operation }, doc) {
  const address = path.replace(/\{(\w+)\}/g, (_, name) => {
    const parameter = operation.parameters.find((one) => one.in === "path" && one.name === name);
    return String(sampleOf(parameter.schema, doc));
  });
  const body = operation.requestBody?.content["application/json"]?.schema;
  const streams = operation.responses[200]?.content?.["text/event-stream"];
  const saves = operation.responses[200]?.content?.["application/pdf"];
  const flags = `${streams ? "-N " : ""}${saves ? "-OJ " : ""}${method === "get" || body ? "" : `-X ${method.toUpperCase()} `}`;
  const lines = [`curl ${flags}${location.origin}${address}`, `-H "Authorization: Bearer $NIGHTSHIFT_KEY"`];
  if (body) {
    const json = JSON.stringify(sampleOf(body, doc, { all: false }), null, 2).replaceAll("'", "'\\''");
    lines.push('-H "Content-Type: application/json"', `-d '${json}'`);
  }
  return lines.join(" \\\n  ");
}

function pathView(path) {
  return path.split(/(\{\w+\})/).map((part) => (part.startsWith("{") ? h("span", { class: "hole" }, part) : part));
}

/** What the filter looks through: address, words, and names of parameters and fields. */
function textOf({ path, method, operation }) {
  const words = JSON.stringify([operation.parameters, operation.requestBody, operation.responses]).match(
    /"(\w[\w.-]*)"(?=:)|"code":"(\w+)"/g,
  );
  return [method, path, operation.summary, operation.description, ...new Set(words)].join(" ").toLowerCase();
}

export function badge(method) {
  return h("span", { class: `method ${method}` }, method === "delete" ? "DEL" : method.toUpperCase());
}
