// A file that was exported comes in as a snapshot, and a desktop is made of it.
import htmx from "htmx.org";

import type { Snapshot } from "../../generated/v1";
import { refused } from "./answers";
import { toast } from "./toasts";
import { word } from "./words";

/** fetch says nothing of how far an upload is. */
function send(file: File, progress: (share: number) => void): Promise<Snapshot> {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/snapshots");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.addEventListener("progress", (event) => progress(event.loaded / Math.max(file.size, 1)));
    request.addEventListener("load", () => {
      if (request.status >= 300) return failed(refused(request.status, request.responseText));
      try {
        done(JSON.parse(request.responseText) as Snapshot);
      } catch {
        failed(refused(request.status, ""));
      }
    });
    for (const kind of ["error", "abort", "timeout"])
      request.addEventListener(kind, () => failed(new Error(word("offline"))));
    request.send(file);
  });
}

async function take(form: HTMLFormElement, file: File): Promise<void> {
  const bar = form.querySelector("progress");
  const leaving = (event: BeforeUnloadEvent) => event.preventDefault();
  window.addEventListener("beforeunload", leaving);
  form.dataset.busy = "";
  try {
    const snapshot = await send(file, (share) => {
      if (bar) bar.value = share;
    });
    await htmx.ajax("POST", `/snapshots/${snapshot.id}/fork`, { source: form, swap: "none" });
  } catch (error) {
    toast("error", error instanceof Error ? error.message : word("offline"));
  } finally {
    window.removeEventListener("beforeunload", leaving);
    delete form.dataset.busy;
    form.reset();
    if (bar) bar.value = 0;
  }
}

export function startImports(): void {
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || input.dataset.import === undefined) return;
    const file = input.files?.[0];
    if (file && input.form) void take(input.form, file);
  });
}
