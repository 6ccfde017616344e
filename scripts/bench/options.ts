import { parseArgs } from "node:util";
import { z } from "zod";

const count = z.coerce.number().int().positive();

const schema = z.object({
  only: z.array(z.string()).optional(),
  rounds: count.max(50).default(5),
  jobs: count.optional(),
  "whole-minutes": z.boolean().default(false),
  out: z.string().min(1).default("docs/bench.json"),
  markdown: z.string().min(1).optional(),
  profile: z.string().min(1).optional(),
});

export type BenchOptions = z.output<typeof schema>;

export const usage = `npm run bench -- [options]
  --only <measure>   this part only; may be given again
  --rounds <n>       samples of each way (default 5; long parts take a share of them)
  --jobs <n>         at most so many jobs per sample: a rehearsal, whose figures mean nothing
  --whole-minutes    watch rate limits over minutes instead of shortened ones: two minutes more
  --out <file>       the figures as JSON (default docs/bench.json)
  --markdown <file>  also put the tables into this page, between its bench markers
  --profile <dir>    leave a CPU profile of each process there (slows what is measured)
`;

/** The command line, or a message that says what is wrong with it. */
export function parseOptions(args: readonly string[], measures: readonly string[]): BenchOptions | string {
  let given: unknown;
  try {
    const text = { type: "string" } as const;
    const options = { only: { ...text, multiple: true }, rounds: text, jobs: text, out: text, markdown: text };
    const switches = { "whole-minutes": { type: "boolean" } } as const;
    given = parseArgs({ args: [...args], options: { ...options, ...switches, profile: text } }).values;
  } catch (error) {
    return (error as Error).message;
  }
  const parsed = schema.safeParse(given);
  if (!parsed.success)
    return parsed.error.issues.map(({ path, message }) => `--${String(path[0])}: ${message}`).join("\n");
  const unknown = parsed.data.only?.filter((name) => !measures.includes(name)) ?? [];
  return unknown.length > 0 ? `--only: expected ${measures.join(", ")}; found ${unknown.join(", ")}` : parsed.data;
}
