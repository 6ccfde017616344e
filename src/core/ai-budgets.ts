import { NightshiftError, PermanentError } from "./errors.ts";
import type { SqlRunner } from "./sql.ts";

export const budgetScopes = ["tenant", "user", "feature"] as const;
export type BudgetScope = (typeof budgetScopes)[number];

export const budgetPeriods = ["day", "month"] as const;
export type BudgetPeriod = (typeof budgetPeriods)[number];

/** How much may be spent by whom. Days and months are UTC's. */
export interface Budget {
  readonly scope: BudgetScope;
  /** The user or the purpose; `*`: each of them; for the tenant itself empty. */
  readonly subject: string;
  readonly period: BudgetPeriod;
  readonly limitMicros: number;
  /** Hard: calls beyond it are refused. Soft: they are made, and it is said. */
  readonly hard: boolean;
}

/** A budget, or spending without one, in its present period. */
export interface BudgetStatus extends Omit<Budget, "limitMicros" | "hard"> {
  readonly limitMicros: number | null;
  readonly hard: boolean;
  readonly spentMicros: number;
  readonly reservedMicros: number;
  readonly exceeded: boolean;
  readonly resetsAt: string;
}

/** Who wants to spend. */
export interface Spender {
  readonly tenant: string;
  readonly userId: string | undefined;
  readonly purpose: string;
}

export interface Budgets {
  /** Rejects with AiBudgetExceeded when a hard budget is used up already. Reserves nothing. */
  check(spender: Spender, within?: SqlRunner): Promise<void>;
  set(tenant: string, budget: Budget): Promise<void>;
  /** `false`: there was none. */
  remove(tenant: string, budget: Pick<Budget, "scope" | "subject" | "period">): Promise<boolean>;
  status(tenant: string): Promise<readonly BudgetStatus[]>;
}

/** A hard budget is used up, or has less left than the call may cost: refused before anything is spent. */
export class AiBudgetExceeded extends PermanentError {
  readonly code = "ai_budget_exceeded";
  readonly resetsAt: Date;

  constructor(budget: { scope: BudgetScope; period: BudgetPeriod; limitMicros: number; resetsAt: Date }) {
    const { scope, period, limitMicros, resetsAt } = budget;
    super(
      `Expected room in the ${scope}'s budget of ${limitMicros} micros a ${period}, found too little of it left until ${resetsAt.toISOString()}`,
      { scope, period, limitMicros, resetsAt: resetsAt.toISOString() },
    );
    this.resetsAt = resetsAt;
  }
}

/** A hard budget has room, but calls on their way hold it: they may give it back. Nothing is spent yet. */
export class AiBudgetReserved extends NightshiftError {
  readonly code = "ai_budget_reserved";

  constructor(budget: { scope: BudgetScope; period: BudgetPeriod }) {
    super(
      `Expected room in the ${budget.scope}'s budget of the ${budget.period}, found it reserved by calls on their way`,
      budget,
    );
  }
}
