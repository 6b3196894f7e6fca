import { useState } from "react";
import { Button } from "@mantine/core";
import { Empty, Panel } from "../ui/parts";
import { count, instantText } from "../ui/words";
import { instant } from "./queries";
import type { Entry } from "./spans";
import { dataOf, sentenceOf } from "./words";

const PORTION = 200;

/** All that happened, the latest first. */
export function EventList({ entries, names }: { entries: Entry[]; names: ReadonlyMap<string, string> }) {
  const [shown, setShown] = useState(PORTION);
  const latest = entries.slice(-shown).reverse();
  return (
    <Panel title={`Events (${count(entries.length)})`} padded={false}>
      {entries.length === 0 && (
        <Empty title="Nothing has happened yet">Every event is listed here as it is written.</Empty>
      )}
      <ol className="events" reversed aria-label="Events, the latest first" tabIndex={0}>
        {latest.map((entry) => (
          <Event key={entry.seq} entry={entry} names={names} />
        ))}
      </ol>
      {entries.length > shown && (
        <div className="foot" style={{ justifyContent: "center" }}>
          <Button variant="default" onClick={() => setShown(shown + PORTION)}>
            Show older ones
          </Button>
        </div>
      )}
    </Panel>
  );
}

function Event({ entry, names }: { entry: Entry; names: ReadonlyMap<string, string> }) {
  const data = dataOf(entry);
  return (
    <li>
      <div className="line">
        <span className="no">{entry.seq}</span>
        <span style={{ flex: "1 1 12rem", overflowWrap: "anywhere" }}>{sentenceOf(entry, names)}</span>
        <time className="crumbs" style={{ margin: 0 }} dateTime={instant(entry.at)}>
          {instantText(instant(entry.at))}
        </time>
      </div>
      {data !== null && (
        <details>
          <summary>Data</summary>
          <pre className="result" tabIndex={0}>{JSON.stringify(data, null, 2)}</pre>
        </details>
      )}
    </li>
  );
}
