import { Progress } from "@mantine/core";
import { useState, type DragEvent } from "react";

/** Takes a file by drag and drop, or by the file dialog. */
export function DropZone({
  onFile,
  progress,
  label,
  accept = ".py,.zip,.djar,.pyz,.whl",
  what = "a package",
  hint = "A Python file, or an archive: .zip, .djar, .pyz, .whl",
}: {
  onFile: (file: File) => void;
  /** From 0 to 1 while something is uploaded. */
  progress: number | null;
  label: string;
  accept?: string;
  what?: string;
  hint?: string;
}) {
  const [isOver, setIsOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    const file = event.dataTransfer.files[0];
    if (file !== undefined && progress === null) onFile(file);
  };
  return (
    <label
      className={isOver ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={drop}
    >
      <input
        type="file"
        className="visually-hidden"
        aria-label={label}
        disabled={progress !== null}
        accept={accept}
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file !== undefined) onFile(file);
        }}
      />
      <strong>Drop {what} here</strong>, or click to choose one
      <div className="crumbs">{hint}</div>
      {progress !== null && (
        <Progress.Root size="lg" mt="sm">
          <Progress.Section value={progress * 100} animated aria-label="Upload" />
        </Progress.Root>
      )}
    </label>
  );
}
