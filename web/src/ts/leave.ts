// The way out by keys of what takes every key for itself, a desktop's screen or a terminal: Ctrl,
// Alt and Shift pressed together with nothing else, and let go of.

import { on } from "./listen";

export const MODIFIERS = new Set(["Control", "Alt", "AltGraph", "Meta", "Shift"]);

/**
 * Calls `leave` once the last of the three is up again, so that whoever takes the keys has seen each
 * of them released and none stays down in the desktop.
 */
export function watchLeaving(place: HTMLElement, leave: () => void, signal?: AbortSignal): void {
  const listen = { capture: true, ...(signal && { signal }) };
  let armed = false;
  on(place, "keydown", listen, (event) => {
    const alone = MODIFIERS.has(event.key);
    armed = alone && (armed || (event.ctrlKey && event.altKey && event.shiftKey));
  });
  on(place, "keyup", listen, (event) => {
    if (!armed || event.ctrlKey || event.altKey || event.shiftKey) return;
    armed = false;
    // After the others that hear of this key.
    queueMicrotask(leave);
  });
  place.addEventListener("focusout", () => (armed = false), listen);
}
