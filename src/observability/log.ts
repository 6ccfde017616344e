import { pino } from "pino";
import type { Log } from "#core/handler.ts";

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * One JSON line per event on standard output; pretty on a terminal. `process` names the kind of process. Keys, cookies
 * and payloads never reach a line: what is logged is chosen field by field, and these paths are cut as a second fence.
 */
export function createLog(options: { level: LogLevel; process: string; pretty: boolean }): Log {
  return pino({
    level: options.level,
    base: { process: options.process, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: ["payload", "*.payload", "authorization", "*.authorization", "cookie", "*.cookie", "key", "*.password"],
    ...(options.pretty && {
      transport: { target: "pino-pretty", options: { ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss.l" } },
    }),
  });
}
