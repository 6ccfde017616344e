import { codeBlock, h, inline, prose } from "./dom.js";
import { sampleOf } from "./sample.js";
import { schemaView, typeName } from "./schema-view.js";

/** The page: reads /openapi.json of the same origin and shows it, chapter by chapter. */

const main = document.querySelector("#content");
const nav = document.querySelector("#nav");
const search = document.querySelector("#search");

try {
  const response = await fetch("/openapi.json");
  show(await response.json());
} catch (error) {
  main.replaceChildren(h("p", { class: "notice" }, `The description could not be loaded: ${error.message}`));
} finally {
  main.ariaBusy = "false";
}

function show(doc) {
  document.querySelector("#version").textContent = `API ${doc.info.version}`;
  const operations = operationsOf(doc);
  const chapters = doc.tags.map((tag) => ({
    ...tag,
    operations: operations.filter(({ operation }) => operation.tags.includes(tag.name)),
  }));
  const errors = errorsOf(operations);
  main.replaceChildren(introduction(doc), ...chapters.map((chapter) => chapterView(chapter, doc)), errorsView(errors));
  nav.replaceChildren(...chapters.map(chapterLinks), errorLinks(errors));
  followHash();
  addEventListener("hashchange", followHash);
  watchScroll();
  filterOnInput();
}

function operationsOf(doc) {
  return Object.entries(doc.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation, id: operation.operationId })),
  );
}

/** Every problem that any operation documents, once. */
function errorsOf(operations) {
  const found = new Map();
  for (const { operation } of operations)
    for (const response of Object.values(operation.responses))
      for (const { value } of Object.values(response.content?.["application/problem+json"]?.examples ?? {}))
        found.set(value.code, { ...value, operations: [...(found.get(value.code)?.operations ?? []), operation] });
  return [...found.values()].sort((a, b) => a.status - b.status || a.code.localeCompare(b.code));
}

function introduction(doc) {
  const first = `curl ${location.origin}/v1/job-types \\\n  -H "Authorization: Bearer $NIGHTSHIFT_KEY"`;
  return h(
    "header",
    { class: "intro" },
    h(
      "div",
      null,
      h("h1", null, doc.info.title),
      h("p", { class: "lead" }, doc.info.summary),
      prose(doc.info.description),
    ),
    h(
      "div",
      { class: "example" },
      codeBlock(first, "Start here"),
      h("p", { class: "muted" }, inline(doc.components.securitySchemes.key.description)),
      h("p", { class: "muted" }, "For machines: ", h("a", { href: "/openapi.json" }, "/openapi.json")),
    ),
  );
}

function chapterView({ name, description, operations }, doc) {
  return h(
    "section",
    { class: "chapter" },
    h("div", { class: "chapter-head" }, h("h2", { id: slug(name) }, name), prose(description)),
    operations.map((one) => operationView(one, doc)),
  );
}

function operationView({ id, path, method, operation }, doc) {
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

function errorsView(errors) {
  return h(
    "section",
    { class: "chapter" },
    h(
      "div",
      { class: "chapter-head" },
      h("h2", { id: "errors" }, "Errors"),
      prose("Match on `code`: it is permanent. `errors` lists every rejected field by its path."),
    ),
    h(
      "div",
      { class: "errors" },
      errors.map(({ code, status, title, operations }) =>
        h(
          "article",
          { id: code, class: "error", "data-text": `${code} ${status} ${title}`.toLowerCase() },
          h("span", { class: `status s${String(status)[0]}` }, status),
          h("code", null, code),
          h("p", null, title),
          operations.length <= 4 &&
            h(
              "p",
              { class: "muted" },
              operations.map(({ operationId, summary }, index) => [
                index > 0 && " · ",
                h("a", { href: `#${operationId}` }, summary),
              ]),
            ),
        ),
      ),
    ),
  );
}

function chapterLinks({ name, operations }) {
  return h(
    "section",
    { class: "nav-chapter" },
    h("h2", null, h("a", { href: `#${slug(name)}` }, name)),
    h(
      "ul",
      null,
      operations.map(({ id, method, path, operation }) =>
        h(
          "li",
          { "data-for": id },
          h(
            "a",
            { href: `#${id}`, title: `${method.toUpperCase()} ${path}` },
            badge(method),
            h("span", null, shortName(path, operation)),
          ),
        ),
      ),
    ),
  );
}

/** A job is found by its name; everything else by what it does. */
function shortName(path, operation) {
  return operation.operationId.startsWith("enqueue.") ? path.split("/").at(-1) : operation.summary;
}

function errorLinks(errors) {
  const links = errors.map(({ code, status }) =>
    h(
      "li",
      { "data-for": code, class: "only-found" },
      h("a", { href: `#${code}` }, h("span", { class: `status s${String(status)[0]}` }, status), h("span", null, code)),
    ),
  );
  return h(
    "section",
    { class: "nav-chapter" },
    h("h2", null, h("a", { href: "#errors" }, "Errors")),
    h("ul", null, links),
  );
}

function badge(method) {
  return h("span", { class: `method ${method}` }, method === "delete" ? "DEL" : method.toUpperCase());
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

function filterOnInput() {
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    document.body.classList.toggle("filtered", words.length > 0);
    for (const article of main.querySelectorAll("[data-text]")) {
      const found = words.every((word) => article.dataset.text.includes(word));
      article.hidden = !found;
      nav.querySelector(`[data-for="${CSS.escape(article.id)}"]`).hidden = !found;
    }
    for (const part of document.querySelectorAll(".chapter, .nav-chapter"))
      part.hidden = part.querySelector("[data-text]:not([hidden]), [data-for]:not([hidden])") === null;
  };
  search.addEventListener("input", apply);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      apply();
      search.blur();
    }
  });
}

/** The page is built after the browser looked for the hash. */
function followHash() {
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

function watchScroll() {
  const visible = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries)
        nav.querySelector(`[data-for="${CSS.escape(target.id)}"]`)?.classList.toggle("here", isIntersecting);
    },
    { rootMargin: "-20% 0px -70% 0px" },
  );
  for (const article of main.querySelectorAll(".operation")) visible.observe(article);
}

function slug(name) {
  return name.toLowerCase().replace(/\W+/g, "-");
}
