import type { JobLine } from "../../src/client/client.ts";
import { isTerminal } from "../../src/ledger/job-state.ts";
import type { Screen } from "./screen.ts";

/** Jobs that were asked for together. */
export interface Group {
  readonly label: string;
  readonly ids: readonly string[];
}

/** How far something else is; whoever does it counts. */
export interface Tally {
  readonly label: string;
  done: number;
  /** 0: not known yet. */
  total: number;
}

const labelWidth = 27;
const barWidth = 30;
/** Without a terminal, a group speaks at its first job and then after this many. */
const lineEvery = 10;

/** How far everything is: a bar for each part on a terminal, else a line now and then. */
export class Progress {
  readonly #screen: Screen;
  readonly #said = new Map<string, number>();
  readonly #tallies: Tally[] = [];
  #rows: readonly string[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Another part, shown below the groups. */
  tally(label: string, total = 0): Tally {
    const tally = { label, done: 0, total };
    this.#tallies.push(tally);
    return tally;
  }

  /** `killedAt`: since when the jobs of a killed worker wait to be taken over, or `null`. */
  show(groups: readonly Group[], jobs: readonly JobLine[], killedAt: number | null): void {
    const byId = new Map(jobs.map((job) => [job.id, job]));
    const open = jobs.some((job) => !isTerminal(job.state));
    const waited =
      killedAt !== null && open ? `  ${((Date.now() - killedAt) / 1_000).toFixed(1)} s since the kill` : "";
    this.#rows = groups.map(({ label, ids }) => {
      const members = ids.map((id) => byId.get(id)).filter((job) => job !== undefined);
      const ended = members.filter((job) => isTerminal(job.state)).length;
      const running = members.filter((job) => job.state === "running").length;
      this.#speak(label, ended, ids.length);
      return this.#row(label, ended, ids.length, running > 0 ? `${running} running` : "");
    });
    this.refresh(waited);
  }

  /** Draw what the others have counted since. */
  refresh(below = ""): void {
    const known = this.#tallies.filter(({ total }) => total > 0);
    for (const { label, done, total } of known) if (done === total) this.#speak(label, done, total);
    const others = known.map(({ label, done, total }) => this.#row(label, done, total, ""));
    this.#screen.draw([...this.#rows, ...others, this.#screen.style("dim", below)]);
  }

  #row(label: string, done: number, total: number, activity: string): string {
    const filled = Math.floor((done / total) * barWidth);
    const bar =
      this.#screen.style("green", "█".repeat(filled)) + this.#screen.style("dim", "░".repeat(barWidth - filled));
    const count = `${done} of ${total}`.padStart(10);
    return `  ${label.padEnd(labelWidth)} ${bar} ${count}   ${this.#screen.style("dim", activity)}`.trimEnd();
  }

  #speak(label: string, done: number, total: number): void {
    const said = this.#said.get(label) ?? 0;
    if (this.#screen.isLive || done === said || (done < total && done - said < lineEvery)) return;
    this.#said.set(label, done);
    this.#screen.say(`  ${label.padEnd(labelWidth)} ${done} of ${total}`);
  }
}
