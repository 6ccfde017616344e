import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "vitest";

/**
 * The one-way arrows. `from` is matched against a file's path, `allow` against what it imports: a package, `node:`, a `#`
 * prefix, or the path of a relative import from the root. Type imports count like others: an arrow is an arrow.
 */
const rules: ReadonlyArray<{ from: RegExp; allow: RegExp; why: string }> = [
  { from: /^src\/core\//, allow: /^(zod$|node:|#core\/|src\/core\/)/, why: "core is what everything else stands on" },
  { from: /^queues\//, allow: /^(node:|#core\/)/, why: "a queue is a declaration, not code" },
  {
    from: /^jobs\/.*\.job\.ts$/,
    allow: /^(zod$|#core\/|#queues\/|#jobs\/.*\.job\.ts$|jobs\/)/,
    why: "producers load definitions: nothing heavy, and nothing of src",
  },
  {
    from: /^jobs\//,
    allow: /^(?!src\/)(#core\/|#queues\/|#jobs\/.*\.job\.ts$|[a-z@])/,
    why: "families stand on core and queues, and meet at definitions",
  },
  {
    from: /^jobs\/ai\//,
    allow: /^(?!openai|ioredis|pg$)/,
    why: "what is asked is decided here; who answers, and where it is written down, is behind core's interfaces",
  },
  {
    from: /^src\/(?!catalog\.ts)/,
    allow: /^(?!jobs\/|#jobs\/|#queues\/|queues\/)/,
    why: "only the catalog imports jobs",
  },
  {
    from: /^src\/ledger\//,
    allow: /^(#core\/|src\/ledger\/|node:|pg$)/,
    why: "the ledger knows Postgres and core alone",
  },
  {
    from: /^src\/engines\//,
    allow: /^(#core\/|src\/engines\/|node:|bullmq$|ioredis$|pg$|pg-boss$)/,
    why: "an engine knows its store and core alone",
  },
  {
    from: /^src\/producer\//,
    allow: /^(#core\/|src\/(producer|ledger|engines)\/|node:|zod$|uuid$)/,
    why: "a producer stands on ledger and engines",
  },
  {
    from: /^src\/scheduler\//,
    allow: /^(#core\/|src\/(scheduler|recurrence|producer|ledger|access)\/|node:|zod$|(?!src\/)[a-z@])/,
    why: "a scheduler is a producer with a clock: it knows no engine, no worker and no HTTP",
  },
  {
    from: /^src\/scheduler\/(tick|rule-problems|sentence|presets|spread|next|due)\.ts$/,
    allow: /^(#core\/|src\/(scheduler|recurrence)\/|src\/ledger\/schedules\.ts$|node:|(?!src\/)[a-z@])/,
    why: "what decides when is pure",
  },
  {
    from: /^jobs\/.*\.schedule\.ts$/,
    allow: /^(#core\/|jobs\/.*\.job\.ts$)/,
    why: "a schedule is a declaration, beside the job that it enqueues",
  },
  {
    from: /^src\/worker\//,
    allow: /^(#core\/|src\/(worker|producer|ledger|engines|observability)\/|node:|piscina$|zod$)/,
    why: "a worker accepts its handlers' children, and knows nothing of HTTP",
  },
  {
    from: /^src\/scheduler\/(tick|cron|rrule|zone|sentence|presets|rule-problems)/,
    allow: /^(#core\/|src\/recurrence\/|src\/scheduler\/(tick|cron|rrule|zone|sentence|rule-problems)|croner$)/,
    why: "when the next tick is follows from the rule alone",
  },
  {
    from: /^src\/recurrence\//,
    allow: /^(#core\/(duration|errors)\.ts$|src\/recurrence\/)/,
    why: "a rule and a calendar: no zone, no store, no library; schedules and reminders both stand on it",
  },
  {
    from: /^src\/reports\//,
    allow: /^(#core\/|src\/(reports|producer|ledger)\/|node:|zod$|ioredis$|csv-stringify\/sync$)/,
    why: "reports stand on producer and ledger, and know nothing of HTTP",
  },
  {
    from: /^src\/services\//,
    allow: /^(#core\/|src\/(services|ledger)\/|node:|[a-z@](?!rc\/))/,
    why: "services implement core's interfaces",
  },
  {
    from: /^src\/reminders\//,
    allow: /^(#core\/|src\/(reminders|recurrence|ledger|producer)\/|node:|zod$|temporal-polyfill$|date-holidays$)/,
    why: "obligations are rows and dates: who is told, by what channel, is the jobs' affair",
  },
  {
    from: /^src\/services\/channels\//,
    allow: /^(#core\/|src\/services\/channels\/|node:|nodemailer(\/|$))/,
    why: "a channel knows a notice and the outside, and no row",
  },
  {
    from: /^src\/embedded\//,
    allow: /^(#core\/|src\/embedded\/|node:|pg$|ioredis$)/,
    why: "embedded servers know nothing of jobs",
  },
  {
    from: /^src\/(core|ledger|engines|producer|reminders|reports|recurrence|scheduler|worker|services|api|dashboard|observability|access|embedded|client)\//,
    allow: /^(?!src\/(bin|runtime|process|stores|supervisor|catalog|config))/,
    why: "the parts do not know who puts them together",
  },
  {
    from: /^src\/client\//,
    allow:
      /^(#core\/|src\/client\/|src\/producer\/(receipt|options)\.ts$|src\/ledger\/(job-reader|job-state|batches)\.ts$|src\/api\/(obligation|report)-shapes\.ts$|src\/reminders\/obligation\.ts$|node:|zod$)/,
    why: "the client runs in other people's programs",
  },
];

const files = globSync("{src,jobs,queues}/**/*.ts").sort();

function importsOf(file: string): string[] {
  const source = readFileSync(file, "utf8");
  const statements = source.matchAll(/^(?:import|export)\b[^;"'`]*?\bfrom "([^"]+)"|^import "([^"]+)"/gm);
  const dynamic = source.matchAll(/\bimport\(\s*["']([^"']+)["']\s*\)/g);
  return [...statements, ...dynamic].map((match) => {
    const name = match[1] ?? match[2]!;
    return name.startsWith(".") ? join(dirname(file), name) : name;
  });
}

describe("one-way arrows", () => {
  test("there are files to look at", () => assert.ok(files.length > 50));
  for (const rule of rules) {
    const ruled = files.filter((file) => rule.from.test(file));
    test(`${rule.from.source}: ${rule.why}`, () => {
      assert.ok(ruled.length > 0, "a rule that meets no file guards nothing");
      const broken = ruled.flatMap((file) =>
        importsOf(file)
          .filter((name) => !rule.allow.test(name))
          .map((name) => `${file} → ${name}`),
      );
      assert.deepEqual(broken, []);
    });
  }
});

test("a family imports another family's definitions only", () => {
  const broken = files.flatMap((file) => {
    const [, family] = /^jobs\/([^/]+)\//.exec(file) ?? [];
    return family
      ? importsOf(file).filter((name) => name.startsWith("jobs/") && !name.startsWith(`jobs/${family}/`))
      : [];
  });
  assert.deepEqual(broken, []);
});

describe("what a producer loads", () => {
  const heavy = /^(pdfkit|fontkit|piscina|nodemailer|openai|@expo-google-fonts)/;
  for (const definition of files.filter((file) => file.endsWith(".job.ts")))
    test(`${definition} reaches no heavy library by a static import`, () => {
      const seen = new Set<string>();
      const reach = (file: string): string[] => {
        if (seen.has(file)) return [];
        seen.add(file);
        const source = readFileSync(file, "utf8");
        const names = [...source.matchAll(/^import (?!type)[^;"']*["']([^"']+)["']/gm)].map((match) => match[1]!);
        return names.flatMap((name) => {
          if (heavy.test(name)) return [`${file} → ${name}`];
          if (name.startsWith(".")) return reach(join(dirname(file), name));
          if (name.startsWith("#"))
            return reach(name.replace("#core/", "src/core/").replace("#queues/", "queues/").replace("#jobs/", "jobs/"));
          return [];
        });
      };
      assert.deepEqual(reach(definition), []);
    });
});

test("the client loads core and itself: everything else it imports are types", () => {
  const loaded = files
    .filter((file) => file.startsWith("src/client/"))
    .flatMap((file) => {
      const statements = readFileSync(file, "utf8").matchAll(/^(?:import|export) (?!type)[^;"']*\bfrom "([^"]+)"/gm);
      return [...statements].map((match) => (match[1]!.startsWith(".") ? join(dirname(file), match[1]!) : match[1]!));
    });
  assert.ok(loaded.length > 5);
  assert.deepEqual(
    loaded.filter((name) => !/^(#core\/|src\/client\/)/.test(name)),
    [],
  );
});

test("a job's name is its file's path", async () => {
  const { catalog } = await import("../src/catalog.ts");
  assert.deepEqual(
    catalog.jobs.map((job) => `jobs/${job.name.replace(".", "/")}.job.ts`).filter((file) => !files.includes(file)),
    [],
  );
});
