/** Uploads with progress, which `fetch` cannot tell of. */

import { ApiError, errorOf } from "../api/client";
import { freshTokens } from "../session/session";

export async function uploadPackage(
  jobId: string,
  file: File,
  onProgress: (part: number) => void,
): Promise<string> {
  const tokens = await freshTokens();
  const form = new FormData();
  form.append("key", file.name);
  form.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/jobconfigs/${encodeURIComponent(jobId)}/files`);
    if (tokens !== null) request.setRequestHeader("Authorization", `Bearer ${tokens.access}`);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onerror = () => reject(new ApiError("The upload was cut off.", 0, null));
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) {
        resolve((body as { name: string }).name);
      } else {
        const headers = { "x-request-id": request.getResponseHeader("x-request-id") ?? "" };
        reject(errorOf(new Response(null, { status: request.status, headers }), body));
      }
    };
    request.send(form);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's page: the status says enough
  }
}
