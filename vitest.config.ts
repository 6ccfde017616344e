import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/rig/servers.ts"],
    // Real servers and child processes on a shared machine of two cores: slow is not broken.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: "forks", // tests start workers, send signals and change the environment, as threads may not
    maxWorkers: 2,
  },
});
