import { now } from "./clock.ts";
import { costOf } from "./job.ts";
import { KeepAlive } from "./keep-alive.ts";
import type { Wire } from "./remote.ts";
import { quantile } from "./spread.ts";

/** Where to read, and with what. */
export interface Reading {
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
}

/** What readers got. Times in ms. */
export interface Read {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of a body, as it was sent. */
  readonly bodyBytes: number;
}

/** Read again and again over some connections. Says "warm" after the warm-up, and begins when it is told to. */
export async function readAgain(
  { urls, headers, connections, warmUp, count }: Reading & { connections: number; warmUp: number; count: number },
  wire: Wire,
): Promise<Read> {
  const free = await openAll({ urls, headers }, connections);
  let bodyBytes = 0;
  let took: number[] = [];
  const one = async () => {
    const connection = free.pop()!;
    const began = performance.now();
    bodyBytes = await connection.ask();
    took.push(performance.now() - began);
    free.push(connection);
  };
  await costOf(warmUp, connections, one);
  wire.say("warm");
  await wire.heard();
  took = [];
  const { perSecond } = await costOf(count, connections, one);
  for (const connection of free) connection.close();
  return { perSecond, p50: quantile(took, 0.5), p99: quantile(took, 0.99), bodyBytes };
}

/** Read once, all at the same time, each over a connection of its own. Answers when the last had its answer (`now`, ms). */
export async function readAtOnce({ urls, headers, readers }: Reading & { readers: number }): Promise<number> {
  const all = await openAll({ urls, headers }, readers);
  await Promise.all(all.map((connection) => connection.ask()));
  const at = now();
  for (const connection of all) connection.close();
  return at;
}

/** The connections are dealt out to the addresses in turn. */
function openAll({ urls, headers }: Reading, count: number): Promise<KeepAlive[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => KeepAlive.open(urls[index % urls.length]!, headers)));
}
