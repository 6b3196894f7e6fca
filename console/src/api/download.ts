import { authorizedFetch, errorOf } from "./client";

/** Saves what is at this path of the server as a file of the reader's. Throws ApiError. */
export async function download(path: string, name: string): Promise<void> {
  const response = await authorizedFetch(new Request(new URL(path, location.origin)));
  if (!response.ok) throw errorOf(response, await response.json().catch(() => null));
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name.split("/").at(-1) ?? name;
  link.click();
  // The browser has taken hold of it when the click returns; the memory is freed a little later.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
