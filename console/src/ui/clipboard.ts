/** Puts text on the clipboard. Throws where the browser does not let us. */
export async function copyText(text: string): Promise<void> {
  const clipboard = (navigator as { clipboard?: Clipboard }).clipboard;
  if (clipboard !== undefined) {
    await clipboard.writeText(text);
    return;
  }
  // Over plain HTTP from another machine there is only the old way. It needs the focus where it
  // is: inside a dialog, which keeps the focus to itself.
  const field = document.createElement("textarea");
  field.value = text;
  (document.activeElement?.parentElement ?? document.body).append(field);
  field.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- see above
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("The browser did not let the console copy. Select the text instead.");
}
