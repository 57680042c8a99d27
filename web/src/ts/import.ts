// A file that was exported comes in as a snapshot, and a desktop is made of it.
import htmx from "htmx.org";

import type { Snapshot } from "../../generated/v1";
import { send, sentence } from "./answers";
import { toast } from "./toasts";

async function take(form: HTMLFormElement, file: File): Promise<void> {
  const bar = form.querySelector("progress");
  const leaving = (event: BeforeUnloadEvent) => event.preventDefault();
  window.addEventListener("beforeunload", leaving);
  form.dataset.busy = "";
  try {
    const answer = await send(["POST", "/v1/snapshots"], file, {}, (bytes) => {
      if (bar) bar.value = bytes / Math.max(file.size, 1);
    });
    const snapshot = JSON.parse(answer) as Snapshot;
    await htmx.ajax("POST", `/snapshots/${snapshot.id}/fork`, { source: form, swap: "none" });
  } catch (error) {
    toast("error", sentence(error));
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
