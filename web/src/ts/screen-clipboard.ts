// Text both ways between this computer's clipboard and the desktop's, with the keys people know, and only when its viewer
// means it: this computer's is read by the browser's own paste event, and written after a copy that was made in the
// desktop by hand. Whatever else the desktop puts on its own is shown in the panel, to be taken from there.
import type RFB from "@novnc/novnc";

import { on } from "./listen";
import { isMac } from "./mac-keys";
import { toast } from "./toasts";
import { word } from "./words";

/** A desktop's VNC server takes no more, bytes (`-MaxCutText` in the templates). */
const MOST_BYTES = 3 << 20;

/** The desktop has this long to answer a copy, emulated and busy. */
const COPY_MS = 5000;
/** A menu that was opened by the other button may be looked at for so long. */
const MENU_MS = 15_000;

/** If the browser has no paste for us by then, the key goes through alone. */
const PASTE_WAIT_MS = 150;

/** With Ctrl or Cmd. */
const COPIES = new Set(["c", "x", "insert"]);

export class Clipboard {
  readonly #rfb: () => RFB | undefined;
  #last = "";
  /** When the viewer last asked for a copy, and last opened a menu that may have one. */
  #copiedAt = -Infinity;
  #menuAt = -Infinity;
  #waiting: { timer: number; event: KeyboardEvent } | undefined;

  constructor(rfb: () => RFB | undefined, screen: HTMLElement, signal: AbortSignal) {
    this.#rfb = rfb;
    screen.addEventListener("keydown", (event) => this.#keydown(event), { capture: true, signal });
    document.addEventListener("paste", (event) => this.#pasted(event), { signal });
    screen.addEventListener("pointerdown", (event) => this.#pointed(event), { capture: true, signal });
    on(document, "input", { signal }, (event) => {
      const view = this.#view;
      if (view && event.target === view) this.send(view.value);
    });
  }

  /** The panel's text. Asked for each time: a morph brings the bar after the screen, or anew. */
  get #view(): HTMLTextAreaElement | null {
    return document.querySelector("[data-clipboard-text]");
  }

  /** The desktop's clipboard has changed. */
  receive(text: string): void {
    this.#last = text;
    const view = this.#view;
    if (view && document.activeElement !== view) view.value = text;
    // A desktop may not fill it behind its viewer's back: what is pasted elsewhere would be its choice.
    if (performance.now() - this.#copiedAt > COPY_MS) return;
    // Refused while another window has the focus; the panel still shows the text.
    navigator.clipboard?.writeText(text).catch(() => undefined);
  }

  /** A choice from a menu may be a copy. */
  #pointed(event: PointerEvent): void {
    const now = performance.now();
    if (event.button === 2) this.#menuAt = now;
    else if (event.button === 0 && now - this.#menuAt < MENU_MS) {
      this.#copiedAt = now;
      this.#menuAt = -Infinity;
    }
  }

  /** Puts text on the desktop's clipboard. */
  send(text: string): void {
    if (new TextEncoder().encode(text).length > MOST_BYTES) {
      toast("error", word("too-long"));
      return;
    }
    this.#last = text;
    this.#rfb()?.clipboardPasteFrom(text);
    const view = this.#view;
    if (view && view.value !== text) view.value = text;
  }

  #keydown(event: KeyboardEvent): void {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && COPIES.has(event.key.toLowerCase())) {
      this.#copiedAt = performance.now();
    }
    const paste =
      ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "v") ||
      (event.shiftKey && event.key === "Insert");
    if (!paste || event.repeat) return;
    // Kept from the screen for now, so that the browser makes a paste event out of it.
    event.stopImmediatePropagation();
    const timer = window.setTimeout(() => this.#press(), PASTE_WAIT_MS);
    this.#waiting = { timer, event };
  }

  #pasted(event: ClipboardEvent): void {
    if (!this.#waiting) return;
    event.preventDefault();
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text !== "" && text !== this.#last) this.send(text);
    // What was too long is not there: the key would paste something else.
    if (text === "" || text === this.#last) this.#press();
    else this.#drop();
  }

  #drop(): void {
    window.clearTimeout(this.#waiting?.timer);
    this.#waiting = undefined;
  }

  /** Sends the key that was held back. Modifiers are down in the desktop already, except Cmd. */
  #press(): void {
    const rfb = this.#rfb();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting || !rfb) return;
    window.clearTimeout(waiting.timer);
    const { event } = waiting;
    if (event.key === "Insert") {
      rfb.sendKey(0xff63, "Insert");
    } else if (event.metaKey && !event.ctrlKey) {
      // Elsewhere than on a Mac it is down in the desktop.
      if (!isMac()) rfb.sendKey(0xffeb, "MetaLeft", false);
      rfb.sendKey(0xffe3, "ControlLeft", true);
      rfb.sendKey(0x76, "KeyV");
      rfb.sendKey(0xffe3, "ControlLeft", false);
    } else {
      rfb.sendKey(event.shiftKey ? 0x56 : 0x76, "KeyV");
    }
  }
}
