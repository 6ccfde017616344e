/** 1 ms to 10 min, in steps of at most 2.5: fine enough for a p99 that can be compared. Seconds. */
export const durationBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300, 600,
];
