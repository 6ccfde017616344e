import { codeBlock, h, inline, prose } from "./dom.js";
import { filterOnInput, followHash, watchScroll } from "./find.js";
import { badge, operationView } from "./operation-view.js";

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
  watchScroll({ main, nav });
  filterOnInput({ main, nav, search });
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

function slug(name) {
  return name.toLowerCase().replace(/\W+/g, "-");
}
