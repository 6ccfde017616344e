/** Asks for memory until the heap cap stops it. */
export async function run(): Promise<number> {
  const kept: number[][] = [];
  for (;;) kept.push(Array.from({ length: 100_000 }, (_, index) => index + Math.random()));
}
