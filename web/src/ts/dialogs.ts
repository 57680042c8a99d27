// Dialogs arrive as fragments in #dialog and are opened as they arrive; one at a time.
import { focusFirst } from "./ask";
import { onClick } from "./listen";
import { refresh } from "./live";

function prepare(dialog: HTMLDialogElement): void {
  dialog.addEventListener("click", (event) => {
    // A click on the backdrop is a click on the dialog itself.
    // What is told this once is not lost by a click beside it.
    if (event.target === dialog && !dialog.querySelector("[data-once]")) dialog.close();
  });
  // Nor by Escape: Done says that it was seen. Chromium closes at a second Escape if only the first is refused.
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && dialog.querySelector("[data-once]")) event.preventDefault();
  });
  dialog.addEventListener("cancel", (event) => {
    if (dialog.querySelector("[data-once]")) event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    if (dialog.parentElement?.id === "dialog") dialog.remove();
  });
}

export function startDialogs(): void {
  const container = document.getElementById("dialog");
  if (!container) return;
  new MutationObserver(() => {
    const dialog = container.querySelector<HTMLDialogElement>("dialog:not([open])");
    if (!dialog) return;
    prepare(dialog);
    dialog.showModal();
    focusFirst(dialog);
  }).observe(container, { childList: true });

  onClick("[data-close]", (closer) => closer.closest("dialog")?.close());
  // What is on the page has changed, and the dialog has more to say.
  document.addEventListener("rolltop:changed", () => refresh("*"));
  // The server says "done" when what a dialog asked for has been accepted.
  document.addEventListener("rolltop:done", () => {
    container.querySelector("dialog")?.close();
    for (const picked of document.querySelectorAll<HTMLInputElement>(".pick:checked, [data-pick-all]")) {
      picked.checked = picked.indeterminate = false;
    }
    refresh("*");
  });
}
