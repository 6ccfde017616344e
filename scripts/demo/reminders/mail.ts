import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import PostalMime from "postal-mime";

/** One `.eml` file, as a mail program reads it. */
export interface Mail {
  readonly path: string;
  readonly subject: string;
  readonly to: string;
  /** ISO 8601, as the header says. */
  readonly date: string;
  readonly messageId: string;
  /** Which message of Nightshift it is: `X-Nightshift-Delivery`. */
  readonly deliveryId: string;
  readonly text: string;
}

/** Every mail in a folder, the oldest first. A file that is no mail rejects with its path. */
export async function readMails(folder: string): Promise<readonly Mail[]> {
  const names = await readdir(folder).catch(() => []);
  const mails: Mail[] = [];
  for (const name of names) mails.push(await readMail(join(folder, name)));
  return mails.sort((a, b) => a.date.localeCompare(b.date) || a.deliveryId.localeCompare(b.deliveryId));
}

async function readMail(path: string): Promise<Mail> {
  const { subject, to, date, messageId, headers, text } = await PostalMime.parse(await readFile(path));
  const deliveryId = headers.find(({ key }) => key === "x-nightshift-delivery")?.value;
  const recipient = to?.[0]?.address;
  if (!subject || !recipient || !date || !messageId || !deliveryId || !text)
    throw new Error(`Expected ${path} to be a mail with its headers and a text, found something missing`);
  return { path, subject, to: recipient, date: new Date(date).toISOString(), messageId, deliveryId, text };
}
