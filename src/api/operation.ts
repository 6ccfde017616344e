import type { Request, Response, Router } from "express";
import type { z } from "zod";
import { InvalidInput } from "#core/errors.ts";
import { toProblems } from "#core/problems.ts";
import { uuidPattern } from "#core/uuid.ts";
import type { Permission } from "../access/principal.ts";
import type { Authenticate, Caller } from "./authenticate.ts";
import { readJson } from "./json-body.ts";
import type { ProblemCode } from "./problem.ts";

/** Chapters of the reference, in its order. */
export const tags = {
  "Hand off work": "Every accepted job is durable before the answer is sent, and ends in a state that you can see.",
  Batches: "Jobs that belong together, and one more that runs when they have all ended.",
  "Follow work": "Read jobs one by one, wait for one, be told of its changes, or page through all of them.",
  "Steer work": "Cancel what is no longer wanted, and put dead letters back.",
  Schedules:
    "Work that comes again and again, by the clock of a time zone. Each tick happens once, or is recorded as left out.",
  Documents: "What document jobs made: versions that never change, and their bytes.",
  Obligations: "What companies owe and when, who is reminded of it, and what became of each message.",
  AI: "Calls to model providers: what was made, what it cost, and what may be spent.",
  Reports: "Questions that are asked often: computed once, kept ready, and served with their age.",
  Health: "For load balancers and monitoring. Open to the loopback address; everybody else needs a key that may read.",
} as const;

/** An answer that is not a problem. */
export interface Answer {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Default: `application/json` where there is a schema. */
  readonly contentType?: string;
  /** Name and what it says. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * One call of the API: how it is described and what it does. The routes, the refusal of other methods and the OpenAPI
 * document all come from this one object, so they cannot differ.
 */
export interface Operation {
  /** `noun.verb`: the OpenAPI operationId. */
  readonly name: string;
  readonly tag: keyof typeof tags;
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** In OpenAPI notation: `/v1/jobs/{id}`. */
  readonly path: string;
  readonly summary: string;
  /** CommonMark: paragraphs and `code`. */
  readonly description?: string;
  /** What the key's role must allow; `null`: the operation sees to it itself. */
  readonly needs: Permission | null;
  /** Parameters in the path, each with its description. */
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  /** Request headers it reads: name and what it does. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Present when it reads a JSON body. It checks the body itself, so that every problem is told at once. */
  readonly body?: z.ZodType;
  /** Where one route serves several documented calls: each with a path, words, and a body or query of its own. */
  readonly variants?: readonly Variant[];
  readonly answers: Readonly<Record<number, Answer>>;
  /** Problems of its own; those that come with a key, a body or a store are added by `openapi.ts`. */
  readonly problems: readonly ProblemCode[];
  /** `body` is the parsed JSON, or undefined for an operation without one. */
  handle(call: Call): Promise<void> | void;
}

export interface Variant extends Pick<Operation, "name" | "path" | "summary" | "description" | "body" | "query"> {}

/** Whether requests have a JSON body. */
export function readsBody({ body, variants = [] }: Pick<Operation, "body" | "variants">): boolean {
  return body !== undefined || variants.some((variant) => variant.body !== undefined);
}

export interface Call {
  readonly req: Request;
  readonly res: Response;
  readonly caller: Caller;
  readonly body: unknown;
  /** The body as it came. */
  readonly bytes: Buffer;
}

const noBody = { value: undefined, bytes: Buffer.alloc(0) } as const;

/** Serve an operation: authenticate, then read the body, then handle. Errors go to `problemHandler`. */
export function mount(router: Router, operation: Operation, authenticate: Authenticate): void {
  const { method, path, needs } = operation;
  const hasBody = readsBody(operation);
  router[method](path.replace(/\{(\w+)\}/g, ":$1"), async (req, res) => {
    res.locals.route = path;
    if (needs) res.locals.caller = await authenticate(req, needs);
    const { value: body, bytes } = hasBody ? await readJson(req) : noBody;
    await operation.handle({ req, res, caller: res.locals.caller, body, bytes });
  });
}

/** Check a query string. Throws InvalidInput with the path of every problem, unknown parameters included. */
export function parseQuery<Query extends z.ZodObject>(schema: Query, req: Request): z.output<Query> {
  const { data, error } = schema.safeParse(req.query);
  if (data) return data;
  throw new InvalidInput(
    "The query was refused",
    error!.issues.flatMap((issue) => toProblems(issue, [])),
  );
}

/** A path parameter that is a UUID, in lower case; `null` when it is none, which means that nothing of that id exists. */
export function uuidParam(req: Request, name: string): string | null {
  const value = String(req.params[name]);
  return uuidPattern.test(value) ? value.toLowerCase() : null;
}
