/** One server-sent event. */
export interface ServerEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** Read a `text/event-stream` body: events as they come, until it ends. Comments and unknown fields are passed over. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent, void, undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop()!;
    for (const block of blocks) {
      const event = parse(block);
      if (event) yield event;
    }
  }
}

function parse(block: string): ServerEvent | null {
  const data: string[] = [];
  let id: string | undefined;
  let event = "message";
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === "data") data.push(value ?? "");
    if (field === "event") event = value ?? event;
    if (field === "id") id = value;
  }
  return data.length > 0 ? { id, event, data: data.join("\n") } : null;
}
