import { z } from "zod";
import { type Answer, type Operation, readsBody, tags } from "./operation.ts";
import { type ProblemCode, problems } from "./problem.ts";
import { problem as problemShape } from "./shapes.ts";

type Json = Record<string, unknown>;

/**
 * The OpenAPI 3.1 document of these operations. Schemas come from the zod objects that check the requests, so the
 * document says what the code does. Light enough to build at boot; nothing is built per request.
 */
export function openapi(operations: readonly Operation[], version: string): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  const add = (path: string, method: string, described: Json) => {
    paths[path] = { ...paths[path], [method]: described };
  };
  for (const operation of operations) {
    for (const variant of operation.variants ?? [])
      add(variant.path, operation.method, describe({ ...operation, ...variant }, components));
    if (!operation.variants) add(operation.path, operation.method, describe(operation, components));
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Nightshift",
      version,
      summary: "Hand work off, and be sure of it.",
      description:
        "Background work for application services. An accepted job is durable before the `202` is sent, and ends in a " +
        "state that you can see.\n\nErrors are problem documents (RFC 9457) with a permanent `code`; the title, the " +
        "detail and the messages may change. Every answer carries `X-Request-Id`, which finds the request in our log.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    security: [{ key: [] }],
    paths,
    components: {
      schemas: components.schemas,
      securitySchemes: {
        key: {
          type: "http",
          scheme: "bearer",
          description: "An API key: `Authorization: Bearer ns_…`. Make one with `npm run key`.",
        },
      },
    },
  };
}

function describe(operation: Operation, components: Components): Json {
  const { name, tag, summary, description, body, needs } = operation;
  const parameters = [
    ...parametersIn("path", operation.params, components),
    ...parametersIn("query", operation.query, components),
    ...Object.entries(operation.headers ?? {}).map(([header, text]) => ({
      name: header,
      in: "header",
      description: text,
      schema: { type: "string" },
    })),
  ];
  return {
    operationId: name,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(needs === null && { security: [{}, { key: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        content: { "application/json": { schema: components.schemaOf(body, "input") } },
      },
    }),
    responses: responsesOf(operation, components),
  };
}

function parametersIn(place: "path" | "query", schema: z.ZodObject | undefined, components: Components): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = components.schemaOf(schema, "input") as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(description !== undefined && { description }),
    schema: rest,
  }));
}

function responsesOf(operation: Operation, components: Components): Json {
  const responses: Record<string, Json> = {};
  for (const [status, answer] of Object.entries(operation.answers)) responses[status] = toResponse(answer, components);
  const codes = Map.groupBy(problemsOf(operation), (code) => problems[code].status);
  for (const [status, ofStatus] of [...codes].sort(([a], [b]) => a - b)) {
    const refused = problemResponse(ofStatus, components);
    const answered = responses[status];
    responses[status] = answered ? together(answered, refused) : refused;
  }
  return responses;
}

/** A status that may be an answer or a problem, as the 503 of /readyz. */
function together(answered: Json, refused: Json): Json {
  const both = (part: "headers" | "content") => ({ ...(answered[part] as Json), ...(refused[part] as Json) });
  return { ...answered, headers: both("headers"), content: both("content") };
}

/** Its own problems, and those that come with a key, a body and a store. */
function problemsOf(operation: Operation): ProblemCode[] {
  const { problems: own, needs } = operation;
  const all: ProblemCode[] = [...own];
  if (needs) all.push("unauthenticated", "forbidden", "tenant_forbidden", "invalid_tenant");
  if (readsBody(operation)) all.push("malformed_json", "body_too_large", "unsupported_media_type");
  all.push("internal_error", "store_unavailable");
  return [...new Set(all)];
}

const problemHeaders: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { "WWW-Authenticate": "`Bearer`, and `error` when a key was sent." },
  416: { "Content-Range": "How long the content is." },
  503: { "Retry-After": "Seconds to wait before you ask again." },
};

/** Where only one of the problems of a status has it. */
const codeHeaders: Partial<Record<ProblemCode, Readonly<Record<string, string>>>> = {
  idempotency_key_in_flight: {
    "Retry-After": "With `idempotency_key_in_flight`: seconds to wait before you ask again.",
  },
};

function problemResponse(codes: readonly ProblemCode[], components: Components): Json {
  const { status } = problems[codes[0]!];
  const examples = codes.map((code) => {
    const { title } = problems[code];
    return [code, { summary: title, value: { type: `/docs#${code}`, title, status, code } }];
  });
  return {
    description: codes.map((code) => `\`${code}\` ${problems[code].title}`).join(" · "),
    headers: describeHeaders(Object.assign({}, problemHeaders[status], ...codes.map((code) => codeHeaders[code]))),
    content: {
      "application/problem+json": {
        schema: components.schemaOf(problemShape, "output"),
        examples: Object.fromEntries(examples),
      },
    },
  };
}

function toResponse({ description, schema, contentType, headers = {} }: Answer, components: Components): Json {
  const type = contentType ?? (schema && "application/json");
  return {
    description,
    headers: describeHeaders(headers),
    ...(type && { content: { [type]: schema ? { schema: components.schemaOf(schema, "output") } : {} } }),
  };
}

function describeHeaders(headers: Readonly<Record<string, string>>): Json {
  const all = { "X-Request-Id": "Finds the request in our log.", ...headers };
  return Object.fromEntries(
    Object.entries(all).map(([name, description]) => [name, { description, schema: { type: "string" } }]),
  );
}

/** Turns zod into JSON Schema, and keeps those with an id in one place, where all others refer to them. */
class Components {
  readonly schemas: Record<string, Json> = {};
  #anonymous = 0;

  schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
    const { $schema: _, $defs = {}, ...root } = z.toJSONSchema(schema, { io, override: tidy(io) }) as Json;
    const defs = $defs as Record<string, Json>;
    // zod numbers definitions without an id within one conversion; here they need a name of their own.
    const names = new Map(
      Object.keys(defs).map((name) => [name, name.startsWith("__") ? `Part${++this.#anonymous}` : name]),
    );
    for (const [name, definition] of Object.entries(defs)) {
      const { id: _id, ...rest } = definition;
      this.schemas[names.get(name)!] ??= refer(rest, names) as Json;
    }
    return refer(root, names) as Json;
  }
}

/** Point `$ref`s at the components of the document. */
function refer(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => refer(item, names));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const name = key === "$ref" && typeof member === "string" ? member.replace("#/$defs/", "") : null;
      return [key, name === null ? refer(member, names) : `#/components/schemas/${names.get(name) ?? name}`];
    }),
  );
}

/** Leave out what a reader gains nothing from: the pattern behind a format, the bounds of a double, closed answers. */
function tidy(io: "input" | "output") {
  return ({ jsonSchema }: { jsonSchema: Json }): void => {
    if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    if (io === "output" && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties; // may grow
  };
}
