/** Three levels, high first; within a level first in, first out. `engines/` translates them to their own numbers. */
export const priorities = ["high", "normal", "low"] as const;
export type Priority = (typeof priorities)[number];
