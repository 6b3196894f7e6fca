/** Colours of terminals (ECMA-48, SGR) as class names. Pure. Everything else of theirs is dropped. */

export interface Piece {
  text: string;
  className: string;
}

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
// eslint-disable-next-line no-control-regex -- escape sequences are made of them
const SEQUENCE = /\u001b\[([0-9;:]*)m|\u001b\[[0-9;?:]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-Z\\-_]/g;

interface Style {
  colour: string | null;
  isBold: boolean;
  isDim: boolean;
}

const PLAIN: Style = { colour: null, isBold: false, isDim: false };

/** The pieces of one line. A line begins plain: what a line before it set does not reach it. */
export function pieces(line: string): Piece[] {
  if (!line.includes("\u001b")) return [{ text: line, className: "" }];
  const found: Piece[] = [];
  let style = PLAIN;
  let from = 0;
  const push = (to: number) => {
    if (to > from) found.push({ text: line.slice(from, to), className: classOf(style) });
  };
  for (const match of line.matchAll(SEQUENCE)) {
    push(match.index);
    from = match.index + match[0].length;
    if (match[1] !== undefined) style = styled(style, match[1]);
  }
  push(line.length);
  return found;
}

/** The line without any of that: what is searched and copied. */
export function plain(line: string): string {
  return line.includes("\u001b") ? line.replace(SEQUENCE, "") : line;
}

function styled(style: Style, parameters: string): Style {
  const codes = parameters === "" ? [0] : parameters.split(/[;:]/).map(Number);
  let now = style;
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) now = PLAIN;
    else if (code === 1) now = { ...now, isBold: true };
    else if (code === 2) now = { ...now, isDim: true };
    else if (code === 22) now = { ...now, isBold: false, isDim: false };
    else if (code === 39) now = { ...now, colour: null };
    else if (code >= 30 && code <= 37) now = { ...now, colour: NAMES[code - 30] ?? null };
    else if (code >= 90 && code <= 97) now = { ...now, colour: NAMES[code - 90] ?? null };
    else if (code === 38 || code === 48) {
      // 256 colours or true colour: the sixteen first are the ones we have, others are left out.
      const isIndexed = codes[at + 1] === 5;
      const index = codes[at + 2] ?? 0;
      if (code === 38) now = { ...now, colour: isIndexed && index < 16 ? (NAMES[index % 8] ?? null) : null };
      at += isIndexed ? 2 : 4;
    }
  }
  return now;
}

function classOf(style: Style): string {
  return [style.colour && `ansi-${style.colour}`, style.isBold && "ansi-bold", style.isDim && "ansi-dim"]
    .filter(Boolean)
    .join(" ");
}
