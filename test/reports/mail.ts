/** An e-mail as its reader's program takes it apart. */
export interface OpenedMail {
  readonly to: string;
  readonly subject: string;
  readonly messageId: string;
  readonly attachment: { readonly fileName: string; readonly contentType: string; readonly bytes: Uint8Array };
}

/** Open a message with one attachment. */
export function openMail(text: string): OpenedMail {
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, "im").exec(text)![1]!.trim();
  const part = text.split(/^--.*\r$/m).find((one) => /^Content-Disposition: attachment/im.test(one))!;
  const end = part.indexOf("\r\n\r\n");
  const head = part.slice(0, end).replaceAll(/\r\n\s+/g, " ");
  const [, contentType] = /^Content-Type: ([^;\r]+)/im.exec(head)!;
  const [, fileName] = /filename="?([^";\r]+)"?/i.exec(head)!;
  return {
    to: header("To"),
    subject: header("Subject"),
    messageId: header("Message-ID"),
    attachment: { fileName: fileName!, contentType: contentType!, bytes: Buffer.from(part.slice(end), "base64") },
  };
}
