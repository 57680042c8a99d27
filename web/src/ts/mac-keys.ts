// Cmd on a Mac is what Ctrl is elsewhere: with Cmd+C and the like, the desktop is told Ctrl.
import type RFB from "@novnc/novnc";

import { keysymOf } from "./screen-keys";

const CONTROL = 0xffe3;
const NAMED: Record<string, number> = {
  ArrowLeft: 0xff51,
  ArrowUp: 0xff52,
  ArrowRight: 0xff53,
  ArrowDown: 0xff54,
  Backspace: 0xff08,
  Delete: 0xffff,
  Enter: 0xff0d,
  Home: 0xff50,
  End: 0xff57,
  Tab: 0xff09,
};

export function isMac(): boolean {
  return /mac/i.test(navigator.platform);
}

/** A Mac says nothing of keys let go of while Cmd is down, so each is one press with Ctrl around it. */
export function mapCommand(screen: HTMLElement, rfb: () => RFB | undefined, signal: AbortSignal): void {
  if (!isMac()) return;
  const hear = (event: KeyboardEvent) => {
    const command = event.key === "Meta";
    if (!command && !(event.metaKey && !event.ctrlKey && event.type === "keydown")) return;
    const keysym = [...event.key].length === 1 ? keysymOf(event.key) : NAMED[event.key];
    if (!command && keysym === undefined) return;
    event.stopPropagation();
    event.preventDefault();
    const connection = rfb();
    if (command || !connection || keysym === undefined) return;
    connection.sendKey(CONTROL, "ControlLeft", true);
    connection.sendKey(keysym, event.code);
    connection.sendKey(CONTROL, "ControlLeft", false);
  };
  for (const kind of ["keydown", "keyup"] as const) screen.addEventListener(kind, hear, { capture: true, signal });
}
