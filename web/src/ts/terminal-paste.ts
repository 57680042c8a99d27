// What is pasted into a terminal is text and nothing else. A shell takes it as such between two marks; were the
// closing mark in the text, the rest would be typed, and run.

import { on } from "./listen";

/** Without control characters, but for line ends and tabs. */
export function plain(text: string): string {
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, "");
}

/** Takes over every way in which a browser pastes or drops text into `place`. */
export function takePastes(place: HTMLElement, paste: (text: string) => void): void {
  on(place, "paste", { capture: true }, (event) => {
    event.preventDefault();
    event.stopPropagation();
    const text = plain(event.clipboardData?.getData("text/plain") ?? "");
    if (text !== "") paste(text);
  });
  // A phone's keyboard, and a menu that pastes without the event above.
  on(place, "beforeinput", { capture: true }, (event) => {
    if (!event.inputType.startsWith("insertFrom") || event.inputType === "insertFromComposition") return;
    event.preventDefault();
    event.stopPropagation();
    const text = plain(event.dataTransfer?.getData("text/plain") ?? event.data ?? "");
    if (text !== "") paste(text);
  });
}
