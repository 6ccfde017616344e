import type { z } from "zod";
import type { Locale } from "../locale.ts";
import type { Sheet } from "../sheet.ts";

/**
 * A kind of document. Like a job, it is a pair: this light part is loaded by every process that checks a request; the
 * drawing, with pdfkit and the fonts, only by render threads; the fixtures only by tests and the demo.
 */
export interface DocumentTemplate<Inputs = unknown> {
  /** The `templateId` of a request and the name of the folder. */
  readonly id: string;
  /** Counts up when the same inputs would give other bytes or another meaning. A stored document names its version. */
  readonly version: number;
  /** For people choosing a template. */
  readonly title: string;
  readonly locales: readonly Locale[];
  /** Shape of `userInputs`: strict, without transforms (it must become JSON Schema). */
  readonly inputs: z.ZodType<Inputs>;
  /** Inputs that are accepted: what the reference shows and lets people try. */
  readonly example: Inputs;
  /** Title in the file's metadata: plain ASCII. */
  documentTitle(inputs: Inputs): string;
  /** Calendar day (ISO) of the document; the file's creation date. */
  issuedOn(inputs: Inputs): string;
  /** Suggested name of a download: `[A-Za-z0-9.-]`, ending in `.pdf`. */
  fileName(inputs: Inputs): string;
  drawing(): Promise<DrawingModule<Inputs>>;
  fixtures(): Promise<FixturesModule>;
}

/** The shape of a `drawing.ts` module. */
export interface DrawingModule<Inputs> {
  /** Draw a whole document. Synchronous and pure: the same inputs and locale give the same marks. */
  draw(sheet: Sheet, inputs: Inputs, locale: Locale): void;
}

/** The shape of a `fixtures.ts` module. */
export interface FixturesModule {
  readonly fixtures: readonly Fixture[];
}

/** A sample request with what becomes of it. */
export interface Fixture {
  readonly name: string;
  readonly locale?: Locale;
  readonly userInputs: unknown;
  readonly expected: RenderedAs | RefusedAt;
}
export interface RenderedAs {
  readonly outcome: "rendered";
  readonly pageCount?: number;
  /** Found in the text of the pages, in this order. */
  readonly text: readonly string[];
}
export interface RefusedAt {
  readonly outcome: "refused";
  /** Dotted path below `userInputs` of every problem, with the code or a part of the message. */
  readonly problems: Readonly<Record<string, string>>;
}

/** Declare a template; the type of its inputs is read from the schema. */
export function defineTemplate<Inputs>(template: DocumentTemplate<Inputs>): DocumentTemplate<Inputs> {
  return template;
}
