import { defineConfig } from "vitest/config";

const { NIGHTSHIFT_TEST_RESULTS } = process.env; // where .ci/run reads the counts

export default defineConfig({
  test: {
    reporters: NIGHTSHIFT_TEST_RESULTS ? ["default", ["json", { outputFile: NIGHTSHIFT_TEST_RESULTS }]] : ["default"],
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/rig/servers.ts"],
    // A shared CI machine may stand still for seconds. A test that needed its second try is named in the summary.
    retry: process.env.CI ? 1 : 0,
    // Real servers and child processes on a shared machine of two cores: slow is not broken. Only what hangs meets these.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks", // tests start workers, send signals and change the environment, as threads may not
    maxWorkers: 2,
  },
});
