import { setImmediate as turn } from "node:timers/promises";
import { createLog } from "../../src/observability/log.ts";

/** A process that says so many lines in one turn and then ends, in the way that its first argument names. */
const [ending, lines] = process.argv.slice(2);
const log = createLog({ level: "info", process: "test", pretty: false });
process.on("SIGTERM", () => {
  log.info({ number: -1 }, "line.said");
  process.exit(0);
});
for (let number = 0; number < Number(lines); number++) log.info({ number }, "line.said");
switch (ending) {
  case "exit":
    process.exit(3);
    break;
  case "throw":
    throw new Error("on purpose");
  case "killed":
    await turn(); // the turn is over: what it said is out
    process.kill(process.pid, "SIGKILL");
    break;
  case "signal":
    setInterval(() => undefined, 60_000);
    process.kill(process.pid, "SIGTERM");
    break;
  default: // nothing is left to do
}
