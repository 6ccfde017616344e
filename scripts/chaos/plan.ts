import { seconds } from "#core/duration.ts";
import { Random } from "./random.ts";
import { leaseMs } from "./work/queues.ts";

export const workers = ["worker-1", "worker-2", "worker-3"] as const;
export type WorkerName = (typeof workers)[number];

/** `reset`: connections break and new ones are refused. `silence`: nothing arrives any more, in neither direction, then late. */
export type Manner = "reset" | "silence";

interface Kind {
  readonly targets: readonly string[];
  /** How long the fault itself lasts: least and most, ms. */
  readonly lastsMs: readonly [number, number];
  /** What mending takes by experience: a process boots, a database replays its log. */
  readonly mendsMs: number;
  /** Not sooner after the last one of its kind. */
  readonly everyMs?: number;
  readonly manners?: readonly Manner[];
}

const guardMs = 13_000; // a guard gives a server up that dies more than five times in a minute

/** Everything that a plan can hold. A new fault is a line here and a case in `inflict.ts`. */
const kinds = {
  "kill-worker": { targets: workers, lastsMs: [200, 2_000], mendsMs: 2_500 },
  "kill-api": { targets: ["api"], lastsMs: [200, 2_000], mendsMs: 2_500 },
  "kill-scheduler": { targets: ["scheduler"], lastsMs: [200, 2_000], mendsMs: 2_500 },
  "stop-worker": { targets: workers, lastsMs: [2 * leaseMs, 2 * leaseMs], mendsMs: 500 },
  "restart-redis": { targets: ["redis"], lastsMs: [0, 0], mendsMs: 1_500, everyMs: guardMs },
  "flush-redis": { targets: ["redis"], lastsMs: [0, 0], mendsMs: 500 },
  "restart-postgres": { targets: ["postgres"], lastsMs: [0, 0], mendsMs: 3_500, everyMs: guardMs },
  "cut-redis": {
    targets: workers,
    lastsMs: [seconds(10), seconds(10)],
    mendsMs: 500,
    manners: ["reset", "silence"],
  },
  "cut-postgres": { targets: workers, lastsMs: [3_000, 9_000], mendsMs: 500, manners: ["reset", "silence"] },
} satisfies Record<string, Kind>;

export type FaultKind = keyof typeof kinds;
export const faultKinds = Object.keys(kinds) as FaultKind[];

/** One thing that goes wrong. Times in ms; `atMs` from the begin of the load. */
export interface Fault {
  readonly number: number;
  readonly kind: FaultKind;
  readonly target: string;
  readonly atMs: number;
  readonly lastsMs: number;
  readonly manner?: Manner;
}

const warmUpMs = 2_500; // jobs are running everywhere before the first fault
const pauseMs = [500, 2_500] as const;
const tailMs = 1_000;

/**
 * What goes wrong and when: a pure function of the seed, the time there is and the kinds asked for. Kinds come in shuffled
 * rounds, so that each occurs as often as the others; one that no longer fits into the time is left out.
 */
export function planFaults(options: {
  seed: number;
  durationMs: number;
  kinds?: readonly FaultKind[];
}): readonly Fault[] {
  const { seed, durationMs, kinds: asked = faultKinds } = options;
  const random = new Random(seed, "plan");
  const faults: Fault[] = [];
  const nextAt = new Map<FaultKind, number>();
  let free = warmUpMs;
  for (let found = true; found; ) {
    found = false;
    for (const kind of random.shuffle(asked)) {
      const { targets, lastsMs, mendsMs, manners, everyMs = 0 }: Kind = kinds[kind];
      const target = random.pick(targets);
      const forMs = random.whole(...lastsMs);
      const manner = manners && random.pick(manners);
      const pause = random.whole(...pauseMs);
      const atMs = Math.max(free, nextAt.get(kind) ?? 0);
      if (atMs + forMs + mendsMs + tailMs > durationMs) continue;
      faults.push({ number: faults.length + 1, kind, target, atMs, lastsMs: forMs, ...(manner && { manner }) });
      nextAt.set(kind, atMs + everyMs);
      free = atMs + forMs + mendsMs + pause;
      found = true;
    }
  }
  return faults;
}

/** `kill -9 worker-2` and the like: what an operator would call it. */
export function nameFault({ kind, target, manner }: Fault): string {
  switch (kind) {
    case "kill-worker":
    case "kill-api":
    case "kill-scheduler":
      return `kill -9 ${target}`;
    case "stop-worker":
      return `SIGSTOP ${target} for 2 leases`;
    case "restart-redis":
    case "restart-postgres":
      return `kill -9 ${target}`;
    case "flush-redis":
      return "FLUSHALL";
    case "cut-redis":
      return `${target} cut off from redis (${manner})`;
    case "cut-postgres":
      return `${target} cut off from postgres (${manner})`;
  }
}
