import type { ModelMessage } from "#core/ai-models.ts";
import { tokenGuess } from "./tokens.ts";

/** What of a conversation goes along: at most so many messages, and about so many tokens. */
export const memoryMessages = 20;
export const memoryTokens = 2_000;

/** The newest messages that fit, oldest first, beginning with one of the user. */
export function remembered(messages: readonly ModelMessage[], tokens = memoryTokens): readonly ModelMessage[] {
  let room = tokens;
  let from = messages.length;
  while (from > 0) {
    room -= tokenGuess(messages[from - 1]!.content);
    if (room < 0) break;
    from -= 1;
  }
  const kept = messages.slice(from);
  const first = kept.findIndex(({ role }) => role === "user");
  return first === -1 ? [] : kept.slice(first);
}
