import type { JobLine } from "../../src/client/client.ts";
import { isTerminal } from "../../src/ledger/job-state.ts";
import type { Screen } from "./screen.ts";

/** Jobs that were asked for together. */
export interface Group {
  readonly label: string;
  readonly ids: readonly string[];
}

const barWidth = 30;
/** Without a terminal, a group speaks at its first job and then after this many. */
const lineEvery = 10;

/** How far the jobs are: a bar for each group on a terminal, else a line now and then. */
export class Progress {
  readonly #screen: Screen;
  readonly #groups: readonly Group[];
  readonly #said = new Map<Group, number>();

  constructor(screen: Screen, groups: readonly Group[]) {
    this.#screen = screen;
    this.#groups = groups;
  }

  /** `killedAt`: since when the jobs of a killed worker wait to be taken over, or `null`. */
  show(jobs: readonly JobLine[], killedAt: number | null): void {
    const byId = new Map(jobs.map((job) => [job.id, job]));
    const rows = this.#groups.map((group) => {
      const members = group.ids.map((id) => byId.get(id)).filter((job) => job !== undefined);
      const ended = members.filter((job) => isTerminal(job.state)).length;
      const running = members.filter((job) => job.state === "running").length;
      if (!this.#screen.isLive) this.#speak(group, ended);
      return this.#row(group, ended, running);
    });
    const open = jobs.some((job) => !isTerminal(job.state));
    const waited =
      killedAt !== null && open ? `  ${((Date.now() - killedAt) / 1_000).toFixed(1)} s since the kill` : "";
    this.#screen.draw([...rows, this.#screen.style("dim", waited)]);
  }

  #row({ label, ids }: Group, ended: number, running: number): string {
    const filled = Math.floor((ended / ids.length) * barWidth);
    const bar =
      this.#screen.style("green", "█".repeat(filled)) + this.#screen.style("dim", "░".repeat(barWidth - filled));
    const count = `${ended} of ${ids.length}`.padStart(8);
    const activity = running > 0 ? this.#screen.style("dim", `   ${running} running`) : "";
    return `  ${label.padEnd(27)} ${bar} ${count}${activity}`.trimEnd();
  }

  #speak(group: Group, ended: number): void {
    const said = this.#said.get(group) ?? 0;
    if (ended === said || (ended < group.ids.length && ended - said < lineEvery)) return;
    this.#said.set(group, ended);
    this.#screen.say(`  ${group.label.padEnd(27)} ${ended} of ${group.ids.length}`);
  }
}
