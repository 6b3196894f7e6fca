/** Reads files of records: JSON, JSON lines or CSV. Pure. */

export interface RecordDraft {
  external_id: string;
  data: Record<string, unknown>;
}

const MOST_RECORDS = 1000;
const MOST_LETTERS = 300_000;

/**
 * Parts that the server takes at once: at most 1,000 records, and by their letters less than 1 MB
 * even where each is three bytes.
 */
export function batchesOf(records: readonly RecordDraft[]): RecordDraft[][] {
  const batches: RecordDraft[][] = [];
  let letters = 0;
  for (const record of records) {
    const length = JSON.stringify(record).length;
    const last = batches.at(-1);
    if (last === undefined || last.length === MOST_RECORDS || letters + length > MOST_LETTERS) {
      batches.push([record]);
      letters = length;
    } else {
      last.push(record);
      letters += length;
    }
  }
  return batches;
}

/** The records in a file's text. Throws with a sentence for what cannot be read. */
export function parseRecords(text: string, fileName: string): RecordDraft[] {
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  if (trimmed === "") throw new Error("The file is empty.");
  const rows = trimmed.startsWith("[")
    ? (parse(trimmed, "The file") as unknown[])
    : trimmed.startsWith("{")
      ? trimmed.split(/\r?\n/).filter((line) => line.trim() !== "").map((line, index) => parse(line, `Line ${index + 1}`))
      : /\.csv$/i.test(fileName)
        ? csvRows(trimmed)
        : null;
  if (rows === null) throw new Error("It is neither a JSON array, nor JSON lines, nor a .csv file.");
  return rows.map(recordOf);
}

function parse(text: string, place: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${place} is not JSON: ${error instanceof Error ? error.message : ""}`, { cause: error });
  }
}

/** `{external_id, data}`, or `external_id` among the fields themselves. */
function recordOf(row: unknown, index: number): RecordDraft {
  if (typeof row !== "object" || row === null || Array.isArray(row)) {
    throw new Error(`Record ${index + 1} is no JSON object.`);
  }
  const { external_id: id, ...rest } = row as Record<string, unknown>;
  if ((typeof id !== "string" && typeof id !== "number") || id === "") {
    throw new Error(`Record ${index + 1} has no external_id.`);
  }
  const { data } = rest;
  const isWrapped = Object.keys(rest).length === 1 && typeof data === "object" && data !== null && !Array.isArray(data);
  return { external_id: String(id), data: isWrapped ? (data as Record<string, unknown>) : rest };
}

/** Cells that are numbers, true, false or empty are so in the record; all others are text. */
function csvRows(text: string): Record<string, unknown>[] {
  const [head, ...rows] = csvCells(text);
  if (head === undefined || !head.includes("external_id")) {
    throw new Error("The first line of a .csv file names its columns, external_id among them.");
  }
  return rows.map((cells, index) => {
    if (cells.length !== head.length) {
      throw new Error(`Row ${index + 2} has ${cells.length} cells, the first line has ${head.length}.`);
    }
    return Object.fromEntries(
      head
        .map((name, column): [string, unknown] => {
          const cell = cells[column] ?? "";
          return [name, name === "external_id" ? cell : valueOf(cell)];
        })
        .filter(([, value]) => value !== undefined),
    );
  });
}

function valueOf(cell: string): unknown {
  if (cell === "") return undefined;
  if (cell === "true" || cell === "false") return cell === "true";
  // What would not be written the same way again, such as 007, is text.
  return String(Number(cell)) === cell ? Number(cell) : cell;
}

/** RFC 4180: quotes are doubled in quoted cells, which may hold commas and line ends. */
function csvCells(text: string): string[][] {
  const rows: string[][] = [];
  let cells: string[] = [];
  let cell = "";
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (isQuoted) {
      if (letter !== '"') cell += letter;
      else if (text.charAt(at + 1) === '"') {
        cell += '"';
        at += 1;
      } else isQuoted = false;
    } else if (letter === '"' && cell === "") isQuoted = true;
    else if (letter === ",") {
      cells.push(cell);
      cell = "";
    } else if (letter === "\n") {
      rows.push([...cells, cell]);
      cells = [];
      cell = "";
    } else if (letter !== "\r") cell += letter;
  }
  if (isQuoted) throw new Error("A quoted cell has no end.");
  rows.push([...cells, cell]);
  return rows;
}
