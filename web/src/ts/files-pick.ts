// Picking many rows at once: with Shift held down, all from the one before to this.

let before: HTMLInputElement | undefined;

/** `box` was clicked. */
export function pickRange(body: HTMLElement, box: HTMLInputElement, shift: boolean): void {
  const boxes = [...body.querySelectorAll<HTMLInputElement>("input[type=checkbox]")];
  const [from, to] = [before ? boxes.indexOf(before) : -1, boxes.indexOf(box)];
  if (shift && from >= 0) {
    for (const other of boxes.slice(Math.min(from, to), Math.max(from, to) + 1)) other.checked = box.checked;
  }
  before = box;
}
