import { type DestinationStream, pino } from "pino";
import type { Log } from "#core/handler.ts";
import { InstantText } from "#core/instant-text.ts";
import { redact } from "./redact.ts";

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** A turn that says more than this writes more than once. */
const pieceBytes = 4_096;

/**
 * One JSON line per event on standard output; pretty on a terminal. `process` names the kind of process. Keys, cookies
 * and payloads never reach a line: what is logged is chosen field by field, and `redact` is a second fence.
 */
export function createLog(options: { level: LogLevel; process: string; pretty: boolean }): Log {
  const fence = (fields: object) => redact(fields) as Record<string, unknown>;
  const settings = {
    level: options.level,
    base: { process: options.process, pid: process.pid },
    timestamp: isoTime,
    formatters: { level: (label: string) => ({ level: label }), bindings: fence, log: fence },
    serializers: { err: (error: Error) => fence(pino.stdSerializers.err(error)) },
  };
  if (!options.pretty) return pino(settings, standardOutput());
  const translate = { ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l" };
  return pino({ ...settings, transport: { target: "pino-pretty", options: translate } });
}

const stamp = new InstantText();

/** pino's own writes the same date anew for each of the lines of a millisecond. */
function isoTime(): string {
  return `,"time":"${stamp.of(Date.now())}"`;
}

/**
 * The lines of one turn of the event loop in one write, instead of a system call (and a wake-up of whoever reads) each.
 * Nothing is kept beyond the turn, and what the last one said is written when the process exits or dies of an uncaught
 * error. Only a process killed in the middle of a turn (SIGKILL, out of memory) takes the lines of that turn with it.
 */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true, minLength: pieceBytes });
  let willFlush = false;
  const flush = () => {
    willFlush = false;
    output.flush();
  };
  process.once("exit", () => {
    try {
      output.flushSync();
    } catch {
      // Nobody reads any more: no reason to end otherwise than was meant.
    }
  });
  return {
    write(line) {
      output.write(line);
      if (willFlush) return;
      willFlush = true;
      setImmediate(flush);
    },
  };
}
