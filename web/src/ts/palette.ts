// The command palette: Ctrl K (or Cmd K) anywhere. Its contents come from the server each
// time, so it always lists the desktops there are.
import htmx from "htmx.org";

export function openPalette(): void {
  const dialog = document.querySelector<HTMLDialogElement>("#palette");
  if (!dialog || dialog.open || document.querySelector("dialog[open]")) return;
  dialog.showModal();
  const input = dialog.querySelector("input");
  if (input) {
    input.value = "";
    input.focus();
  }
  const list = dialog.querySelector<HTMLElement>("[data-palette-list]");
  if (list) htmx.trigger(list, "refresh", {}, false);
}

export function startPalette(): void {
  const dialog = document.querySelector<HTMLDialogElement>("#palette");
  if (!dialog) return;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (dialog.open) dialog.close();
      else openPalette();
    }
  });
  document.addEventListener("click", (event) => {
    if ((event.target as Element).closest("[data-open-palette]")) openPalette();
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("htmx:after:swap", () => {
    const command = dialog.querySelector<HTMLElement & { refresh?: () => void }>(".command");
    command?.refresh?.();
  });
}
