import { z } from "zod";
import { type Budget, type BudgetStatus, type Budgets, budgetPeriods, budgetScopes } from "#core/ai-budgets.ts";
import { InvalidInput } from "#core/errors.ts";
import { toProblems } from "#core/problems.ts";
import type { Audit } from "../../access/audit.ts";
import { type Caller, oneTenant } from "../authenticate.ts";
import { type Operation, parseQuery } from "../operation.ts";

const micros = z.int().min(0).max(1_000_000_000_000).describe("Millionths of a dollar.");
const subject = z
  .string()
  .regex(/^(\*|[A-Za-z0-9][A-Za-z0-9._-]{0,99})?$/, "Expected a user, a purpose, `*`, or nothing for the tenant");

const key = z.strictObject({
  scope: z.enum(budgetScopes),
  subject: subject.default("").describe("The user or the purpose; `*`: each of them; empty for the tenant."),
  period: z.enum(budgetPeriods).describe("Of UTC."),
});

const budget = key
  .extend({
    limitMicros: micros,
    hard: z.boolean().default(true).describe("Refuse what goes beyond it. `false`: only tell (`exceeded`)."),
  })
  .refine(({ scope, subject: of }) => (scope === "tenant") === (of === ""), {
    path: ["subject"],
    message: "Expected a user or a purpose, and for the tenant itself none",
    params: { code: "contradiction" },
  });

const status = z
  .object({
    scope: z.enum(budgetScopes),
    subject: z.string(),
    period: z.enum(budgetPeriods),
    limitMicros: micros.nullable().describe("`null`: no limit."),
    hard: z.boolean(),
    spentMicros: micros,
    reservedMicros: micros.describe("Of calls on their way."),
    exceeded: z.boolean(),
    resetsAt: z.iso.datetime(),
  })
  .meta({ id: "AiBudget" }) satisfies z.ZodType<BudgetStatus>;

const statuses = z.object({ items: z.array(status) });

/** GET, POST and DELETE /v1/ai/budgets: what may be spent, and what is. 200 · 204 · 422. */
export function aiBudgetRoutes({ budgets, audit }: { budgets: Budgets; audit: Audit }): Operation[] {
  const common = { tag: "AI", path: "/v1/ai/budgets" } as const;
  const record = (caller: Caller, action: string, of: Pick<Budget, "scope" | "subject" | "period">, details = {}) => {
    const budgetName = ["ai-budget", of.scope, of.subject, of.period].filter(Boolean).join("/");
    return audit.record({ tenant: oneTenant(caller), actor: caller.keyId, action, subject: budgetName, details });
  };
  return [
    {
      ...common,
      name: "ai.budgets.list",
      method: "get",
      summary: "Read budgets and spending",
      description: "Of the present day and month (UTC). A call on its way counts with the most it can cost.",
      needs: "read",
      answers: { 200: { description: "By scope, subject and period.", schema: statuses } },
      problems: ["tenant_required"],
      async handle({ res, caller }) {
        res.json({ items: await budgets.status(oneTenant(caller)) });
      },
    },
    {
      ...common,
      name: "ai.budgets.set",
      method: "post",
      summary: "Set a budget",
      description: "Made or replaced. It holds for the next call; what is on its way is not stopped.",
      needs: "operate",
      body: budget,
      answers: { 200: { description: "All budgets and their spending.", schema: statuses } },
      problems: ["invalid_input", "tenant_required"],
      async handle({ res, caller, body }) {
        const tenant = oneTenant(caller);
        const { data, error } = budget.safeParse(body);
        if (!data) throw refused(error!);
        await record(caller, "ai.budget_set", data, { limitMicros: data.limitMicros, hard: data.hard });
        await budgets.set(tenant, data);
        res.json({ items: await budgets.status(tenant) });
      },
    },
    {
      ...common,
      name: "ai.budgets.remove",
      method: "delete",
      summary: "Remove a budget",
      description: "What was spent stays on record. Safe to repeat.",
      needs: "operate",
      query: key,
      answers: { 204: { description: "There is none any more." } },
      problems: ["invalid_input", "tenant_required"],
      async handle({ req, res, caller }) {
        const tenant = oneTenant(caller);
        const named = parseQuery(key, req);
        await record(caller, "ai.budget_remove", named);
        await budgets.remove(tenant, named);
        res.status(204).end();
      },
    },
  ];
}

function refused(error: z.ZodError): InvalidInput {
  return new InvalidInput(
    "The budget was refused",
    error.issues.flatMap((issue) => toProblems(issue, [])),
  );
}
