import { styleText } from "node:util";

type Style = "bold" | "dim" | "green" | "red";

/** Narrower than this, lines would wrap and could not be drawn over: then as without a terminal. */
const narrowest = 72;

/**
 * Where the demo writes. On a terminal the last lines are alive: `draw` puts new ones over them and `say` writes above
 * them. Elsewhere (a pipe, a log) there are only plain lines, without a control character.
 */
export class Screen {
  readonly isLive: boolean;
  readonly #out: NodeJS.WriteStream;
  #drawn: readonly string[] = [];

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.isLive = out.isTTY === true && out.columns >= narrowest;
  }

  /** One line that stays, above the live ones. */
  say(line = ""): void {
    const drawn = this.#drawn;
    this.#erase();
    this.#out.write(`${line}\n`);
    this.draw(drawn);
  }

  /** The live lines, instead of those before. Nothing where nothing can be drawn over. */
  draw(lines: readonly string[]): void {
    if (!this.isLive) return;
    this.#erase();
    this.#out.write(lines.map((line) => `${line}\n`).join(""));
    this.#drawn = lines;
  }

  /** The live lines become lines that stay. */
  keep(): void {
    this.#drawn = [];
  }

  /** `text` in a style, where the terminal and NO_COLOR allow one. */
  style(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#out });
  }

  #erase(): void {
    if (this.#drawn.length > 0) this.#out.write(`\x1b[${this.#drawn.length}A\x1b[0J`);
    this.#drawn = [];
  }
}
