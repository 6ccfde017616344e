/** One change to the text of a module as it is loaded. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Mechanisms that a test takes away, to see that the verdict notices: `NIGHTSHIFT_CHAOS_BREAK=<name>`. */
export const mutations: Readonly<Record<string, readonly Edit[]>> = {
  /** What the fast path leaves behind stays where it is. */
  "no-relay": [
    {
      file: "src/producer/relay.ts",
      from: "async #dispatchBatch(): Promise<number> {",
      to: "async #dispatchBatch(): Promise<number> { if (this) return 0;",
    },
  ],
  /** Nobody notices that Redis lost everything, but for the reconciliation of once a minute. */
  "no-epoch": [
    { file: "src/producer/epoch-watch.ts", from: "start(): void {", to: "start(): void { if (this) return;" },
  ],
  /** Whoever comes first may settle a job, with whatever lease. */
  "no-fencing": [
    {
      file: "src/ledger/statements.ts",
      from: "where j.id = v.id and j.state = 'running' and j.lease = v.lease",
      to: "where j.id = v.id and j.state = 'running'",
    },
  ],
};
