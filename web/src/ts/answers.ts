// What an answer that is no success says. Rolltop's own say it in a problem document; a page of something in between,
// such as a proxy, is told in words of ours, since its own would be HTML.
import type { Problem } from "../../generated/v1";
import { word } from "./words";

/** What went wrong, in a sentence for people. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    detail: string,
    readonly status: number,
  ) {
    super(detail);
  }
}

/** Code and sentence of an answer, whoever gave it. */
export function refused(status: number, body: string): Refusal {
  try {
    const problem = JSON.parse(body) as Partial<Problem> | null;
    if (typeof problem?.code === "string" && typeof problem.detail === "string")
      return new Refusal(problem.code, problem.detail, status);
  } catch {
    // Not Rolltop's.
  }
  return new Refusal(
    "",
    word(status === 413 ? "too-large-between" : "between").replace("{status}", String(status)),
    status,
  );
}

/** What to say of something that went wrong: what a browser says of itself is for nobody. */
export function sentence(error: unknown): string {
  return error instanceof Refusal ? error.message : word("offline");
}

/** Sends a file and says how much of it is sent, which fetch does not; gives what was answered. */
export function send(
  [method, address]: [string, string],
  file: Blob,
  headers: Record<string, string>,
  progress: (bytes: number) => void,
  stop?: AbortSignal,
): Promise<string> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => progress(event.loaded));
    request.addEventListener("load", () => {
      if (request.status < 300) done(request.responseText);
      else failed(refused(request.status, request.responseText));
    });
    for (const kind of ["error", "abort", "timeout"]) request.addEventListener(kind, () => failed(new Error(kind)));
    stop?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
