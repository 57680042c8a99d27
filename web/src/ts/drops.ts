// Files dropped on a desktop's screen or terminals go to its files, with their progress there. What
// is dropped anywhere else does nothing: a browser would leave the page to show it.

import { on } from "./listen";

/** What was dropped: folders too, where the browser says so. */
export type Dropped = FileSystemEntry | File;

/** Asked for all at once: after the first wait there is nothing left to ask. */
export function entriesOf(data: DataTransfer): Dropped[] {
  return [...data.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry() ?? item.getAsFile())
    .filter((item) => item !== null);
}

interface Files extends HTMLElement {
  receive(entries: Dropped[]): Promise<void>;
}

function placeOf(event: DragEvent): HTMLElement | null {
  if (!event.dataTransfer?.types.includes("Files") || !document.querySelector("rolltop-files")) return null;
  return (event.target as Element).closest<HTMLElement>(".stage, rolltop-terminals");
}

/** A place that takes what is dropped by itself: a field for text or files. */
function takes(event: DragEvent): boolean {
  const files = event.dataTransfer?.types.includes("Files") === true;
  return (event.target as Element).closest(files ? "input[type=file]" : "input, textarea") !== null;
}

function mark(place: HTMLElement | null): void {
  for (const marked of document.querySelectorAll<HTMLElement>(":is(.stage, rolltop-terminals)[data-dropping]")) {
    if (marked !== place) delete marked.dataset.dropping;
  }
  if (place) place.dataset.dropping = "";
}

async function hand(entries: Dropped[]): Promise<void> {
  const files = document.querySelector<Files>("rolltop-files");
  if (!files || entries.length === 0) return;
  if (document.fullscreenElement) await document.exitFullscreen();
  if (!document.documentElement.classList.contains("panel-open"))
    document.querySelector<HTMLElement>("[data-panel-toggle]")?.click();
  document.getElementById("tab-files")?.click();
  await customElements.whenDefined("rolltop-files");
  await files.receive(entries);
}

export function startDrops(): void {
  // The screen's own listeners keep such events to themselves.
  on(document, "dragover", { capture: true }, (event) => {
    const place = placeOf(event);
    mark(place);
    if (takes(event) || event.defaultPrevented) return;
    event.preventDefault();
    if (event.dataTransfer && !(event.target as Element).closest("rolltop-files"))
      event.dataTransfer.dropEffect = place ? "copy" : "none";
  });
  on(document, "dragleave", { capture: true }, (event) => {
    if (event.relatedTarget === null) mark(null);
  });
  on(document, "drop", { capture: true }, (event) => {
    mark(null);
    if (takes(event)) return;
    event.preventDefault();
    if (placeOf(event) && event.dataTransfer) void hand(entriesOf(event.dataTransfer));
  });
}
