/** How many sentences an answer without a model may have. */
const maxSentences = 3;

/** Words that say nothing about what is asked. */
const empty = new Set(
  (
    "the and for are was were is it of to in on at by an as or be do does did has have had how what when where who why which " +
    "can could will would shall should may must this that these those with from into about our your their please tell me"
  ).split(" "),
);

/**
 * An answer without a model, for when none can be reached: the sentences of the context that share most words with the
 * question, in their order, word for word. `null` when none shares any: nothing is better than a guess.
 */
export function simpleAnswer(message: string, context: string): string | null {
  const asked = new Set(wordsOf(message));
  const sentences = context.match(/[^.!?।\n]+(?:[.!?।]+|$)/gu)?.map((sentence) => sentence.trim()) ?? [];
  const scored = sentences.map((sentence, index) => ({
    sentence,
    index,
    score: new Set(wordsOf(sentence).filter((word) => asked.has(word))).size,
  }));
  const best = Math.max(0, ...scored.map(({ score }) => score));
  if (best === 0) return null;
  return scored
    .filter(({ score }) => score * 2 > best)
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, maxSentences)
    .sort((a, b) => a.index - b.index)
    .map(({ sentence }) => sentence)
    .join(" ");
}

/** Words in lower case, their plurals cut, in any script. */
function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+(?:[-/][\p{L}\p{M}\p{N}]+)*/gu) ?? [];
  return words
    .filter((word) => word.length > 1 && !empty.has(word))
    .map((word) => word.replace(/(?<=\p{L}{3})s$/u, ""));
}
