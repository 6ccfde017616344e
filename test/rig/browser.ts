import { type Browser, chromium } from "playwright-core";
import { patienceMs } from "./eventually.ts";
import { tool } from "./tools.ts";

/** A real browser without a window. Give a hook that calls this six minutes: a bare machine fetches Chromium first. */
export async function openBrowser(): Promise<Browser> {
  const { command, env } = await tool("chromium");
  return chromium.launch({
    executablePath: command,
    env: env as Record<string, string>,
    args: ["--no-sandbox"],
    timeout: patienceMs,
  });
}
