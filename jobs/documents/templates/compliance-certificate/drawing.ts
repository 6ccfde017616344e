import { formatDate } from "../../calendar-date.ts";
import type { Locale } from "../../locale.ts";
import { ink, Sheet, type Style } from "../../sheet.ts";
import type { ComplianceCertificate } from "./inputs.ts";
import { type Labels, labels } from "./labels.ts";

/** One landscape page in a double frame. Long texts shrink the type until everything fits, rather than turn the page. */
export function draw(sheet: Sheet, certificate: ComplianceCertificate, locale: Locale): void {
  sheet.addPage("landscape");
  drawFrame(sheet);
  const words = labels[locale];
  const top = frameInset + 26;
  const foot = sheet.pageHeight - frameInset - 24; // the footer line stands here
  const signatureTop = foot - footHeight(sheet, certificate);
  const blocks = bodyBlocks(certificate, words);
  const facts = factsOf(certificate, words, locale);
  const room = signatureTop - top - 20;
  const scale = scales.find((candidate) => bodyHeight(sheet, blocks, facts, candidate) <= room) ?? scales.at(-1)!;
  sheet.y = top + Math.max(0, (room - bodyHeight(sheet, blocks, facts, scale)) / 2);
  for (const block of blocks) drawBlock(sheet, block, scale);
  drawFacts(sheet, facts, scale);
  drawFoot(sheet, certificate, words, signatureTop);
  const line = `${words.number} ${certificate.certificateNumber} · Page 1 of 1`;
  sheet.text(line, sheet.pageWidth / 2, foot, caption, "center");
}

/** A centred paragraph of the body. */
interface Block {
  readonly text: string;
  readonly style: Style;
  /** Part of the width inside the frame. */
  readonly share: number;
  readonly gap: number;
}
type Facts = ReadonlyArray<readonly [label: string, value: string]>;

const scales = [1, 0.93, 0.86, 0.79, 0.72, 0.65, 0.58, 0.51, 0.44]; // smallest body type: 5.3 points
const frameInset = 24;
const caption: Style = { size: 7.5, color: ink.muted };
const small: Style = { size: 8.5 };
const factLabel: Style = { size: 8, color: ink.muted };
const factValue: Style = { size: 10, weight: "bold" };

function bodyBlocks(certificate: ComplianceCertificate, words: Labels): readonly Block[] {
  const statement = certificate.statement ?? words.statement(certificate);
  return [
    { text: words.title, style: { size: 30, weight: "bold", color: ink.accent }, share: 0.9, gap: 2 },
    {
      text: `${words.number} ${certificate.certificateNumber}`,
      style: { size: 10, color: ink.muted },
      share: 0.9,
      gap: 26,
    },
    { text: words.certifies, style: { size: 12, color: ink.muted }, share: 0.9, gap: 6 },
    { text: certificate.companyName, style: { size: 26, weight: "bold" }, share: 0.9, gap: 10 },
    { text: statement, style: { size: 12 }, share: 0.72, gap: 26 },
  ];
}

function factsOf(certificate: ComplianceCertificate, words: Labels, locale: Locale): Facts {
  const { period, issuedOn, validUntil } = certificate;
  return [
    [words.framework, certificate.framework],
    [words.obligation, certificate.obligation],
    [words.period, `${formatDate(period.from, locale)} – ${formatDate(period.to, locale)}`],
    [words.issuedOn, formatDate(issuedOn, locale)],
    [words.validUntil, validUntil === undefined ? words.withoutEnd : formatDate(validUntil, locale)],
  ];
}

function bodyHeight(sheet: Sheet, blocks: readonly Block[], facts: Facts, scale: number): number {
  let height = factsHeight(sheet, facts, scale);
  for (const { text, style, share, gap } of blocks) {
    const size = style.size * scale;
    const lines = sheet.wrap(text, inner(sheet) * share, { ...style, size });
    height += lines.length * Sheet.lineHeight(size) + gap * scale;
  }
  return height;
}

function drawBlock(sheet: Sheet, { text, style, share, gap }: Block, scale: number): void {
  const width = inner(sheet) * share;
  const left = (sheet.pageWidth - width) / 2;
  const scaled = { ...style, size: style.size * scale };
  sheet.y = sheet.paragraph(text, left, sheet.y, width, scaled, "center") + gap * scale;
}

function drawFacts(sheet: Sheet, facts: Facts, scale: number): void {
  const width = inner(sheet) / facts.length;
  const left = (sheet.pageWidth - inner(sheet)) / 2;
  sheet.rule(left, left + inner(sheet), sheet.y);
  const top = sheet.y + 10 * scale;
  for (const [index, [label, value]] of facts.entries()) {
    const x = left + index * width + 6;
    const below = sheet.paragraph(label, x, top, width - 12, scaled(factLabel, scale), "center");
    sheet.paragraph(value, x, below + 2 * scale, width - 12, scaled(factValue, scale), "center");
  }
  sheet.y += factsHeight(sheet, facts, scale);
  sheet.rule(left, left + inner(sheet), sheet.y);
}

function factsHeight(sheet: Sheet, facts: Facts, scale: number): number {
  const width = inner(sheet) / facts.length - 12;
  const heights = facts.map(([label, value]) => {
    const labelLines = sheet.wrap(label, width, scaled(factLabel, scale)).length;
    const valueLines = sheet.wrap(value, width, scaled(factValue, scale)).length;
    return (labelLines * Sheet.lineHeight(factLabel.size) + valueLines * Sheet.lineHeight(factValue.size)) * scale;
  });
  return Math.max(...heights) + 22 * scale;
}

/** Evidence on the left, the issuer's signature on the right, both standing on the footer. */
function footHeight(sheet: Sheet, { issuer }: ComplianceCertificate): number {
  const lines = [issuer.name, issuer.title].flatMap((text) => sheet.wrap(text, signatureWidth, small));
  return Math.max(5, lines.length) * Sheet.lineHeight(small.size) + 40;
}

const signatureWidth = 230;

function drawFoot(sheet: Sheet, certificate: ComplianceCertificate, words: Labels, top: number): void {
  const left = (sheet.pageWidth - inner(sheet)) / 2;
  const right = left + inner(sheet);
  const signed = top + 26; // room for a signature above the rule
  sheet.rule(right - signatureWidth, right, signed, ink.text);
  const title = sheet.paragraph(certificate.issuer.name, right - signatureWidth, signed + 4, signatureWidth, {
    ...small,
    weight: "bold",
  });
  sheet.paragraph(certificate.issuer.title, right - signatureWidth, title, signatureWidth, small);
  if (!certificate.evidence) return;
  const width = inner(sheet) - signatureWidth - 40;
  sheet.text(words.evidence, left, signed + 4, caption);
  const y = sheet.paragraph(certificate.evidence.reference, left, signed + 16, width, small);
  sheet.text(`SHA-256 ${certificate.evidence.sha256}`, left, y + 1, { ...caption, color: ink.text });
}

function drawFrame(sheet: Sheet): void {
  const { pageWidth, pageHeight } = sheet;
  const inset = frameInset + 5;
  sheet.frame(frameInset, frameInset, pageWidth - 2 * frameInset, pageHeight - 2 * frameInset, ink.accent, 1.6);
  sheet.frame(inset, inset, pageWidth - 2 * inset, pageHeight - 2 * inset, ink.rule, 0.6);
}

/** Width available inside the frame. */
function inner(sheet: Sheet): number {
  return sheet.pageWidth - 2 * (frameInset + 40);
}

function scaled(style: Style, scale: number): Style {
  return { ...style, size: style.size * scale };
}
