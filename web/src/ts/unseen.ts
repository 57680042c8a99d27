// A tab that nobody has looked at for a while lets go of what it has open, so that a forgotten tab
// does not keep a desktop awake.

const LET_GO_MS = 5 * 60_000;

/** Calls `leave` once the tab has been hidden for long, and `back` when it is looked at again after that. */
export function whenUnseen(leave: () => void, back: () => void, signal: AbortSignal): void {
  let timer: number | undefined;
  let away = false;
  const changed = () => {
    window.clearTimeout(timer);
    if (document.hidden) {
      timer = window.setTimeout(() => {
        away = true;
        leave();
      }, LET_GO_MS);
    } else if (away) {
      away = false;
      back();
    }
  };
  document.addEventListener("visibilitychange", changed, { signal });
  signal.addEventListener("abort", () => window.clearTimeout(timer));
  changed();
}
