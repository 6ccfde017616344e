import { join, resolve } from "node:path";
import { z } from "zod";
import { logLevels } from "../observability/log.ts";
import type { ProviderSettings } from "../services/ai/ai-services.ts";

/** A bad environment: every problem at once. Processes print it and exit 78 (EX_CONFIG). */
export class InvalidEnvironment extends Error {
  readonly code = "invalid_environment";

  constructor(problems: readonly string[]) {
    super(
      `The environment has ${problems.length} problem(s):\n${problems.map((problem) => `  ${problem}`).join("\n")}`,
    );
    this.name = "InvalidEnvironment";
  }
}

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);
const url = (...schemes: string[]) =>
  z
    .string()
    .refine(
      (value) => schemes.some((scheme) => value.startsWith(`${scheme}:`)),
      `Expected a URL beginning with ${schemes.join(" or ")}:`,
    )
    .optional();

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
const word = z.string().min(1);

const schema = z.object({
  DATABASE_URL: url("postgres", "postgresql"),
  REDIS_URL: url("redis", "rediss"),
  NIGHTSHIFT_DATA_DIR: z.string().min(1).default(".nightshift"),
  NIGHTSHIFT_API_KEY: z.string().min(24, "Expected at least 24 characters: anyone who guesses it is admin").optional(),
  NIGHTSHIFT_NO_DOWNLOAD: z.stringbool().default(false),
  PORT: port(3000),
  DASHBOARD_PORT: port(3001),
  PROBE_PORT: port(0),
  HOST: z.string().min(1).default("127.0.0.1"),
  WORKER_QUEUES: z
    .string()
    .optional()
    .transform((names) =>
      names
        ?.split(",")
        .map((name) => name.trim())
        .filter(Boolean),
    ),
  LOG_LEVEL: z.enum(logLevels).default("info"),
  DRAIN_MS: z.coerce.number().int().min(0).max(600_000).default(25_000),
  SILENCE_MS: z.coerce.number().int().min(1_000).max(3_600_000).default(30_000),
  BLOB_URL: url("file"),
  TIME_ZONE: z.string().refine(isTimeZone, "Expected an IANA time zone such as Europe/Berlin").default("UTC"),
  SMTP_URL: url("smtp", "smtps"),
  MAIL_FROM: z
    .string()
    .regex(/^([^<>\r\n]{1,80} )?<?[^\s<>@]+@[\w.-]+>?$/, "Expected an address, as `Nightshift <reminders@example.com>`")
    .optional(),
  SLACK_WEBHOOK_URL: url("https", "http"),
  PAGERDUTY_ROUTING_KEY: z
    .string()
    .regex(/^\w{8,64}$/, "Expected an Events API v2 routing key")
    .optional(),
  PAGERDUTY_URL: url("https", "http"),
  HOLIDAYS_DIR: z.string().min(1).optional(),
  OPENAI_API_KEY: word.optional(),
  OPENAI_BASE_URL: url("http", "https"),
  OPENAI_MODEL: word.default("gpt-4.1-mini"),
  PERPLEXITY_API_KEY: word.optional(),
  PERPLEXITY_BASE_URL: url("http", "https"),
  PERPLEXITY_MODEL: word.default("perplexity/sonar"),
  HUGGINGFACE_API_KEY: word.optional(),
  HUGGINGFACE_BASE_URL: url("http", "https"),
  HUGGINGFACE_MODEL: word.optional(),
  AI_DAILY_BUDGET_MICROS: z.coerce.number().int().min(0).max(1_000_000_000_000).default(10_000_000),
  AI_PRICES_FILE: word.optional(),
});

/** What no variable tells by itself. */
const whole = schema.refine((env) => env.HUGGINGFACE_API_KEY === undefined || env.HUGGINGFACE_MODEL !== undefined, {
  path: ["HUGGINGFACE_MODEL"],
  message: "Expected the model to ask beside HUGGINGFACE_API_KEY, found none",
});

/** What a process is told from outside. Durations in ms; directories absolute. */
export interface Environment {
  /** Absent: embedded Postgres under `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** Absent: embedded Redis under `dataDir`. */
  readonly redisUrl: string | undefined;
  readonly dataDir: string;
  /** Bootstrap admin key; absent in embedded mode: made once and kept in the data dir. */
  readonly apiKey: string | undefined;
  readonly mayDownload: boolean;
  readonly port: number;
  readonly dashboardPort: number;
  /** Where a worker or scheduler answers /healthz, /readyz and /metrics; 0: any free port, said in the log. */
  readonly probePort: number;
  readonly host: string;
  /** Queues this worker serves; absent: all. */
  readonly workerQueues: readonly string[] | undefined;
  readonly logLevel: (typeof logLevels)[number];
  readonly drainMs: number;
  /** For how long a worker's pool may take nothing although work is ready, before it is rebuilt. */
  readonly silenceMs: number;
  readonly blobUrl: string;
  /** IANA zone of the installation: where the wall clock of declared schedules hangs. */
  readonly timeZone: string;
  /** Where messages of reminders go. Without an SMTP server, e-mail becomes files in the data directory. */
  readonly channels: {
    readonly smtpUrl: string | undefined;
    readonly mailFrom: string | undefined;
    readonly mailDir: string;
    readonly slackUrl: string | undefined;
    readonly pagerDutyKey: string | undefined;
    readonly pagerDutyUrl: string | undefined;
  };
  /** Holiday override files of this installation. */
  readonly holidaysDir: string;
  /** Model providers that have a key, in the order of the chain. */
  readonly aiProviders: readonly ProviderSettings[];
  /** What a tenant without a daily budget of its own may spend on AI calls a day. */
  readonly aiDailyMicros: number;
  /** JSON file with prices of models beside those of the release. */
  readonly aiPricesFile: string | undefined;
}

/** Parse the environment. Only `bin/` and `scripts/` call it; everything below receives values. */
export function parseEnv(source: Readonly<Record<string, string | undefined>>): Environment {
  // An empty variable is how many deployments say "not set".
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ""));
  const parsed = whole.safeParse(given);
  if (!parsed.success)
    throw new InvalidEnvironment(parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`));
  const env = parsed.data;
  const dataDir = resolve(env.NIGHTSHIFT_DATA_DIR);
  return {
    databaseUrl: env.DATABASE_URL,
    redisUrl: env.REDIS_URL,
    dataDir,
    apiKey: env.NIGHTSHIFT_API_KEY,
    mayDownload: !env.NIGHTSHIFT_NO_DOWNLOAD,
    port: env.PORT,
    dashboardPort: env.DASHBOARD_PORT,
    probePort: env.PROBE_PORT,
    host: env.HOST,
    workerQueues: env.WORKER_QUEUES,
    logLevel: env.LOG_LEVEL,
    drainMs: env.DRAIN_MS,
    silenceMs: env.SILENCE_MS,
    timeZone: env.TIME_ZONE,
    aiProviders: providersOf(env),
    aiDailyMicros: env.AI_DAILY_BUDGET_MICROS,
    aiPricesFile: env.AI_PRICES_FILE,
    blobUrl: env.BLOB_URL ?? `file:${join(dataDir, "blobs")}`,
    channels: {
      smtpUrl: env.SMTP_URL,
      mailFrom: env.MAIL_FROM,
      mailDir: join(dataDir, "mail"),
      slackUrl: env.SLACK_WEBHOOK_URL,
      pagerDutyKey: env.PAGERDUTY_ROUTING_KEY,
      pagerDutyUrl: env.PAGERDUTY_URL,
    },
    holidaysDir: resolve(env.HOLIDAYS_DIR ?? join(dataDir, "holidays")),
  };
}

/** The chain, in its declared order. The limits are those of the providers' lowest paid tiers; their headers correct them. */
function providersOf(env: z.output<typeof schema>): ProviderSettings[] {
  const chain = [
    {
      name: "openai",
      dialect: "chat",
      apiKey: env.OPENAI_API_KEY,
      baseUrl: env.OPENAI_BASE_URL ?? "https://api.openai.com/v1",
      model: env.OPENAI_MODEL,
      limits: { requests: 500, tokens: 200_000 },
    },
    {
      name: "perplexity",
      dialect: "responses", // its chat completions ended on 2026-09-27
      apiKey: env.PERPLEXITY_API_KEY,
      baseUrl: env.PERPLEXITY_BASE_URL ?? "https://api.perplexity.ai/v1",
      model: env.PERPLEXITY_MODEL,
      limits: { requests: 50, tokens: 1_000_000 },
    },
    {
      name: "huggingface",
      dialect: "chat",
      apiKey: env.HUGGINGFACE_API_KEY,
      baseUrl: env.HUGGINGFACE_BASE_URL ?? "https://router.huggingface.co/v1",
      model: env.HUGGINGFACE_MODEL,
      limits: { requests: 60, tokens: 1_000_000 },
    },
  ] as const;
  return chain.flatMap(({ apiKey, model, ...rest }) =>
    apiKey === undefined || model === undefined ? [] : [{ ...rest, apiKey, model }],
  );
}
