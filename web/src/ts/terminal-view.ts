// One terminal as it is seen: xterm.js with our colours, clipboard, links and keys. Scrolling back
// and searching are the desktop's (tmux holds the lines), reached by key sequences that no
// keyboard has.
import { FitAddon } from "@xterm/addon-fit";
import { UnicodeGraphemesAddon } from "@xterm/addon-unicode-graphemes";
import { Terminal } from "@xterm/xterm";

import { watchLeaving } from "./leave";
import { on } from "./listen";
import { addresses, follow, localPort, provideLinks } from "./terminal-links";
import { takePastes } from "./terminal-paste";
import { TerminalSocket } from "./terminal-socket";

const TO_PROMPT = "\x1b[57999~";
const AGAIN = "\x1b[57998~";
const BACK = "\x1b[57997~";
const SCROLL_BACK = "\x1b[57996~";
const SCROLL_ON = "\x1b[57995~";
/** Rows for one notch of a wheel. */
const NOTCH = 3;
/** Most rows at once. */
const LEAP = 100;
/** After this long without typing, somebody else may have scrolled back. */
const IDLE_MS = 2000;
/** A desktop may fill the clipboard this long after a person did something in its terminal. */
const GESTURE_MS = 5000;
const CLIPBOARD_BYTES = 1024 * 1024;
/** Of what is shown, this much is looked at for addresses, characters; and kept for one that is cut. */
const LOOKED_AT = 4096;
const TAIL = 100;
const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

function colours(): Record<string, string> {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(`--terminal-${name}`).trim();
  const theme: Record<string, string> = {
    background: token("ground"),
    foreground: token("text"),
    cursor: token("cursor"),
    cursorAccent: token("ground"),
    selectionBackground: token("selection"),
  };
  for (const name of COLOURS) {
    theme[name] = token(name);
    theme[`bright${name.charAt(0).toUpperCase()}${name.slice(1)}`] = token(`bright-${name}`);
  }
  return theme;
}

export interface Events {
  broken(how: "no" | "reconnecting" | "silent"): void;
  ended(): void;
  search(): void;
  found(found: boolean): void;
  leave(): void;
  /** The address of something in the desktop was shown. */
  local(port: number): void;
  open(address: string): void;
}

export class TerminalView {
  readonly place = document.createElement("div");
  /** The next letter goes with Ctrl: a phone's key row sets it. */
  control = false;
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #socket: TerminalSocket;
  readonly #events: Events;
  readonly #watch: ResizeObserver;
  #typedAt = 0;
  #gestureAt = 0;
  #scrolled = false;
  #wheel = 0;
  readonly #text = new TextDecoder();
  /** The end of what was shown, in which an address may have begun. */
  #tail = "";

  constructor(address: string, host: HTMLElement, events: Events) {
    this.#events = events;
    this.place.className = "terminal-place";
    host.append(this.place);
    this.#terminal = new Terminal({
      allowProposedApi: true,
      cursorBlink: false,
      fontSize: 13,
      lineHeight: 1.15,
      minimumContrastRatio: 4.5,
      scrollback: 0,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--font-mono"),
      theme: colours(),
      rightClickSelectsWord: false,
      macOptionClickForcesSelection: true,
    });
    this.#terminal.loadAddon(this.#fit);
    this.#terminal.loadAddon(new UnicodeGraphemesAddon());
    provideLinks(this.#terminal, events.open);
    this.#terminal.options.linkHandler = { activate: (_, address) => follow(address, events.open) };
    this.#terminal.open(this.place);
    this.#fit.fit();
    this.#wire();
    this.#socket = new TerminalSocket(address, {
      show: (bytes, drawn) => {
        this.#terminal.write(bytes, drawn);
        this.#look(bytes);
      },
      found: (found) => events.found(found),
      began: () => this.#terminal.reset(),
      broken: (how) => events.broken(how),
      ended: () => events.ended(),
      size: () => ({ columns: this.#terminal.cols, rows: this.#terminal.rows }),
    });
    this.#watch = new ResizeObserver(() => {
      if (this.place.clientWidth > 0 && this.place.clientHeight > 0) this.#fit.fit();
    });
    this.#watch.observe(this.place);
  }

  focus(): void {
    this.#terminal.focus();
  }

  /** Scrolled by so many rows, back where they are less than none. */
  scroll(rows: number): void {
    this.#scrolled ||= rows < 0;
    this.#send((rows < 0 ? SCROLL_BACK : SCROLL_ON).repeat(Math.min(Math.abs(rows), LEAP)));
  }

  /** As if typed. */
  type(text: string): void {
    this.#typed(text);
    this.focus();
  }

  search(text: string): void {
    this.#scrolled = true;
    this.#socket.search(text);
  }

  searchOn(further: boolean): void {
    this.#send(further ? AGAIN : BACK);
  }

  toPrompt(): void {
    this.#scrolled = false;
    this.#send(TO_PROMPT);
  }

  recolour(): void {
    this.#terminal.options.theme = colours();
  }

  close(): void {
    this.#watch.disconnect();
    this.#socket.close();
    this.#terminal.dispose();
    this.place.remove();
  }

  #wire(): void {
    const terminal = this.#terminal;
    terminal.onData((text) => this.#data(text));
    terminal.onBinary((text) => this.#socket.send(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    terminal.onResize(({ cols, rows }) => this.#socket?.resize(cols, rows));
    terminal.parser.registerOscHandler(52, (text) => this.#copied(text));
    terminal.attachCustomKeyEventHandler((event) => this.#key(event));
    for (const kind of ["pointerdown", "pointerup", "keydown"]) {
      this.place.addEventListener(kind, () => (this.#gestureAt = Date.now()), { capture: true });
    }
    takePastes(this.place, (text) => terminal.paste(text));
    terminal.attachCustomWheelEventHandler((event) => this.#wheeled(event));
    watchLeaving(this.place, () => this.#events.leave());
    terminal.textarea?.setAttribute("aria-describedby", "terminal-leave");
    this.#touch();
  }

  /** A finger scrolls as a wheel does. */
  #touch(): void {
    let last: number | undefined;
    this.place.addEventListener("touchstart", (event) => (last = event.touches[0]?.clientY), { passive: true });
    on(this.place, "touchmove", { passive: true }, (event) => {
      const at = event.touches[0]?.clientY;
      if (at === undefined || last === undefined) return;
      const line = this.place.clientHeight / this.#terminal.rows;
      const lines = Math.trunc((at - last) / line);
      if (lines === 0) return;
      last += lines * line;
      if (this.#terminal.modes.mouseTrackingMode === "none") this.scroll(-lines);
      else this.#send((lines > 0 ? "\x1b[<64;1;1M" : "\x1b[<65;1;1M").repeat(Math.abs(lines)));
    });
  }

  /** A program that has the mouse has the wheel too. Otherwise tmux, which keeps what was shown, is told by keys. */
  #wheeled(event: WheelEvent): boolean {
    if (this.#terminal.modes.mouseTrackingMode !== "none" && !event.shiftKey) return true;
    event.preventDefault();
    const row = this.place.clientHeight / this.#terminal.rows;
    this.#wheel +=
      event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY / Math.max(row, 1) : event.deltaY * NOTCH;
    const rows = Math.trunc(this.#wheel);
    this.#wheel -= rows;
    if (rows !== 0) this.scroll(rows);
    return false;
  }

  /** Tells of addresses that lead into the desktop. */
  #look(bytes: Uint8Array): void {
    // Colours and the like do not belong to an address. A flood is not read letter by letter.
    const text =
      this.#tail +
      this.#text.decode(bytes.subarray(-LOOKED_AT), { stream: true }).replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "");
    this.#tail = text.slice(-TAIL);
    for (const { text: address, at } of addresses(text)) {
      const port = localPort(address);
      // What ends here may go on.
      if (port !== undefined && at + address.length < text.length) this.#events.local(port);
    }
  }

  #copy(): boolean {
    const text = this.#terminal.getSelection();
    if (text === "") return false;
    void navigator.clipboard.writeText(text).catch(() => undefined);
    this.#terminal.clearSelection();
    return true;
  }

  #key(event: KeyboardEvent): boolean {
    if (event.type !== "keydown" || !event.ctrlKey || event.altKey || event.metaKey) return true;
    // The browser pastes. Ctrl with the key row's V still is what it is to a program.
    if (event.key.toLowerCase() === "v") return false;
    if (event.key === "c" && this.#copy()) {
      event.preventDefault();
      return false;
    }
    if (!event.shiftKey) return true;
    if (event.key === "F") this.#events.search();
    else if (event.key === "ArrowUp") this.#events.leave();
    else if (event.key === "C") this.#copy();
    else return true;
    event.preventDefault();
    return false;
  }

  #data(text: string): void {
    // What the terminal says by itself: the pointer, the focus, answers to questions.
    if (/^\x1b(\[[<>?IO]|\]|P)/.test(text)) this.#send(text);
    else this.#typed(text);
  }

  #typed(text: string): void {
    if (this.control && text.length === 1) {
      this.control = false;
      this.place.dispatchEvent(new CustomEvent("rolltop:control-used", { bubbles: true }));
      text = String.fromCharCode(text.toUpperCase().charCodeAt(0) & 0x1f);
    }
    if (this.#scrolled || Date.now() - this.#typedAt > IDLE_MS) this.toPrompt();
    this.#typedAt = Date.now();
    this.#send(text);
  }

  #send(text: string): void {
    this.#socket.send(new TextEncoder().encode(text));
  }

  /** The desktop has copied something. It is never told what our clipboard holds. */
  #copied(text: string): boolean {
    const encoded = text.slice(text.indexOf(";") + 1);
    const recent = Date.now() - this.#gestureAt < GESTURE_MS;
    if (encoded === "?" || encoded.length > CLIPBOARD_BYTES || !recent || !this.place.contains(document.activeElement))
      return true;
    try {
      const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
      void navigator.clipboard.writeText(new TextDecoder().decode(bytes)).catch(() => undefined);
    } catch {
      // Not base64: nothing to copy.
    }
    return true;
  }
}
