/** A log as it grows: text comes in pieces, lines go out. Pure. */

/** More of one line than anybody reads; the download has it whole. */
const SHOWN = 5000;

export class LogLines {
  readonly lines: string[] = [];
  private open = "";

  /** Takes what was written next; the last line stays open until its end comes. */
  add(text: string): void {
    if (this.open !== "") this.lines.pop();
    const parts = (this.open + text).split("\n");
    this.open = parts.pop() ?? "";
    for (const part of parts) this.lines.push(shown(part));
    if (this.open !== "") this.lines.push(shown(this.open));
  }
}

function shown(line: string): string {
  // What a progress bar wrote over is gone, as in a terminal.
  const whole = line.endsWith("\r") ? line.slice(0, -1) : line;
  const last = whole.slice(whole.lastIndexOf("\r") + 1);
  return last.length > SHOWN ? `${last.slice(0, SHOWN)} … (${last.length - SHOWN} more)` : last;
}

/** The numbers of the lines that hold the text, whatever its case. */
export function matching(lines: readonly string[], text: string): number[] {
  if (text === "") return [];
  const wanted = text.toLowerCase();
  const found: number[] = [];
  lines.forEach((line, index) => {
    if (line.toLowerCase().includes(wanted)) found.push(index);
  });
  return found;
}
