// The command palette: Ctrl K (or Cmd K) anywhere but in a screen or terminal, unless switched off. Its contents come from the server each
// time, so it always lists the desktops there are.
import htmx from "htmx.org";

import { recall, remember } from "./kept";
import { onClick } from "./listen";

const KEYS = "rolltop-palette-keys";

function openPalette(): void {
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

/** Whether the keys open it: a program in the desktop, or a browser, may need them. */
function keysOpen(): boolean {
  return recall(KEYS) !== "off";
}

function showChoice(): void {
  for (const item of document.querySelectorAll("[data-palette-keys]"))
    item.setAttribute("aria-checked", String(keysOpen()));
  for (const key of document.querySelectorAll<HTMLElement>("[data-open-palette]")) {
    if (keysOpen()) key.setAttribute("aria-keyshortcuts", "Control+K");
    else key.removeAttribute("aria-keyshortcuts");
    const shown = key.querySelector<HTMLElement>("kbd");
    if (shown) shown.hidden = !keysOpen();
  }
}

export function startPalette(): void {
  const dialog = document.querySelector<HTMLDialogElement>("#palette");
  if (!dialog) return;
  showChoice();
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      if (!keysOpen()) return;
      event.preventDefault();
      if (dialog.open) dialog.close();
      else openPalette();
    }
  });
  onClick("[data-open-palette]", openPalette);
  onClick("[data-palette-keys]", () => {
    remember(KEYS, keysOpen() ? "off" : "on");
    showChoice();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("htmx:after:swap", () => {
    const command = dialog.querySelector<HTMLElement & { refresh?: () => void }>(".command");
    command?.refresh?.();
  });
}
