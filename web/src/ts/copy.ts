// Buttons that copy a line: data-copy names the element, data-copied says what to say then.
import { onClick } from "./listen";
import { toast } from "./toasts";

async function copy(button: HTMLElement): Promise<void> {
  const line = document.getElementById(button.dataset.copy ?? "");
  if (!line) return;
  try {
    await navigator.clipboard.writeText(line.textContent ?? "");
    toast("info", button.dataset.copied ?? "");
  } catch {
    // Not allowed: pick it out, so that the usual keys copy it.
    window.getSelection()?.selectAllChildren(line);
  }
}

export function startCopying(): void {
  onClick("[data-copy]", (button) => void copy(button));
}
