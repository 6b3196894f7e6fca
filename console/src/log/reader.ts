/** Server-sent events as text becomes them (WHATWG HTML, 9.2.6), as far as our server uses them. Pure. */

export interface ServerEvent {
  name: string;
  data: string;
  id: string | null;
}

/** Reads one stream. */
export class EventReader {
  private rest = "";

  /** The events that this piece completes. */
  read(piece: string): ServerEvent[] {
    const blocks = (this.rest + piece).split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.map(eventOf).filter((event) => event !== null);
  }
}

function eventOf(block: string): ServerEvent | null {
  let name = "message";
  let id: string | null = null;
  const data: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("id: ")) id = line.slice(4);
    else if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  return data.length === 0 ? null : { name, data: data.join("\n"), id };
}
