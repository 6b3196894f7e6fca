import type { Fault } from "./faults";

/** What is wrong with a step, a connection or the whole. */
export function FaultList({ faults }: { faults: readonly Fault[] }) {
  if (faults.length === 0) return null;
  return (
    <div className="fault faults" role="alert">
      <ul>
        {faults.map((fault) => (
          <li key={`${fault.path} ${fault.message}`}>
            {fault.path !== "" && <code>{fault.path}</code>} {fault.message}
          </li>
        ))}
      </ul>
    </div>
  );
}
