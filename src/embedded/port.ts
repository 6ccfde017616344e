import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const patienceMs = 500; // the last holder may still be going

/**
 * A loopback port that is free at this moment: the preferred one when it is, so that a server comes back where its
 * clients look for it. Somebody may take it before the server binds it; starting again then finds another.
 */
export async function freePort(preferred?: number): Promise<number> {
  const deadline = Date.now() + patienceMs;
  while (preferred) {
    if (await isFree(preferred)) return preferred;
    if (Date.now() > deadline) break;
    await delay(50);
  }
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
