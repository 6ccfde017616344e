import { vi } from "vitest";

/** How long a test waits for what must come before it says what it saw instead. Never a statement about speed. */
export const patienceMs = 60_000;

/** For what tells nobody that it has happened: look again until `look` throws no more, and answer what it answers. */
export function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: patienceMs, interval: 5 });
}
