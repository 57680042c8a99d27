// The one line that says that something is not connected. The event stream, the screen and the
// terminals each tell how they are; what is worst is said, and in a full screen too.
import { word } from "./words";

/** From least to worst. */
export type Trouble = "none" | "reconnecting" | "unsent" | "ended" | "refused" | "silent";
const WORST: Trouble[] = ["silent", "refused", "ended", "unsent", "reconnecting"];
const EVENT = "rolltop:connection";

interface Told {
  source: string;
  trouble: Trouble;
}

/** Says how `source` is. "unsent": it reconnects, and what is typed goes nowhere. */
export function tellConnection(source: string, trouble: Trouble): void {
  document.dispatchEvent(new CustomEvent<Told>(EVENT, { detail: { source, trouble } }));
}

export function startConnection(): void {
  const line = document.getElementById("connection-line");
  if (!line) return;
  const all = new Map<string, Trouble>();
  document.addEventListener(EVENT, (event) => {
    const { source, trouble } = (event as CustomEvent<Told>).detail;
    all.set(source, trouble);
    const worst = WORST.find((kind) => [...all.values()].includes(kind));
    line.hidden = worst === undefined;
    const text = worst ? word(worst) : "";
    if (line.textContent !== text) line.textContent = text;
  });
  // Only what is in the element that fills the screen is seen.
  document.addEventListener("fullscreenchange", () => (document.fullscreenElement ?? document.body).prepend(line));
}
