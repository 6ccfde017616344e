import { z } from "zod";

/**
 * What `ai.extract` can be asked for. A new schema is an entry here. Every field is required (`null` where the text says
 * nothing): models leave optional fields out too readily, and strict output does not know them.
 */
export const schemas = {
  "risk-score": z
    .strictObject({
      level: z.enum(["low", "medium", "high", "critical"]),
      score: z.int().min(0).max(100),
      reasons: z.array(z.string().min(1).max(500)).min(1).max(10),
    })
    .describe("How risky is what the text describes, for a company's compliance, and why."),
  obligation: z
    .strictObject({
      title: z.string().min(1).max(200),
      authority: z.string().min(1).max(200).nullable(),
      dueOn: z.iso.date().nullable().describe("YYYY-MM-DD."),
      recurs: z.enum(["once", "monthly", "quarterly", "yearly"]).nullable(),
    })
    .describe("The filing or payment that the text says somebody owes."),
  "clause-summary": z
    .strictObject({
      summary: z.string().min(1).max(1_000),
      parties: z.array(z.string().min(1).max(200)).max(20),
      obligations: z.array(z.string().min(1).max(500)).max(20),
      termination: z.string().max(500).nullable(),
    })
    .describe("What a contract's clause says, in plain words."),
} as const satisfies Record<string, z.ZodType>;

export type SchemaName = keyof typeof schemas;
export const schemaNames = Object.keys(schemas) as [SchemaName, ...SchemaName[]];
