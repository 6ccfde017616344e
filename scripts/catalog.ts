import { catalog } from "../src/catalog.ts";

/** `npm run catalog`: what this installation can do, after checking that it fits together and that every handler loads. */
await catalog.loadHandlers();
for (const queue of catalog.queues) {
  const { name, engine, durability, runsIn, concurrency, leaseMs, maxStalled } = queue;
  console.log(
    `${name}  (${engine}, durability ${durability}, runs in ${runsIn}, ${concurrency} slots, lease ${leaseMs / 1_000} s, ${maxStalled} stalls)`,
  );
  for (const job of catalog.jobs.filter((candidate) => candidate.queue === queue)) {
    console.log(`  ${job.name}  ${job.summary}`);
    if (job.enqueuedBy !== "producer") console.log(`    enqueued over HTTP by ${job.enqueuedBy}s only`);
    console.log(`    ${job.retry.kind} retry, ${job.retry.attempts} attempts, timeout ${job.timeoutMs / 1_000} s`);
  }
}
