// The live screen of a desktop: noVNC in an element of our own. The server puts
// <rolltop-screen> on the page while the desktop runs and takes it away when it does not, so
// connecting and leaving follow the state by themselves. Loaded only on a desktop's page.
import RFB from "@novnc/novnc";

import { tellConnection } from "./connection";
import { keepFrame, showFrames } from "./frames";
import { recall, remember } from "./kept";
import { watchLeaving } from "./leave";
import { on } from "./listen";
import { Clipboard } from "./screen-clipboard";
import { mapCommand } from "./mac-keys";
import { takePulse } from "./pulse";
import { attachSoftKeyboard, sendChord } from "./screen-keys";
import { AutoQuality, type Quality, SETTINGS } from "./screen-quality";
import { followPointer, sendTyped } from "./screen-typing";
import { whenUnseen } from "./unseen";

type Mode = "follow" | "fit" | "actual";

const QUALITIES: readonly Quality[] = ["auto", "sharp", "balanced", "light"];
/** Nothing is said about a broken connection for this long. */
const SILENT_MS = 2000;
/** With what the API closes: the program that draws the screen has ended, or says what no screen may. */
const ENDS: Record<number, "ended" | "refused"> = { 4000: "ended", 4001: "refused" };
const RETRY_FIRST_MS = 250;
const RETRY_MOST_MS = 4000;

function remembered<T extends string>(key: string, values: readonly T[], otherwise: T): T {
  const stored = recall(key) as T | null;
  return stored !== null && values.includes(stored) ? stored : otherwise;
}

class RolltopScreen extends HTMLElement {
  #rfb: RFB | undefined;
  /** Where noVNC draws; by the time we hear of a broken connection it is off the page. */
  #canvas: HTMLCanvasElement | null = null;
  /** What is said while the connection is away. */
  #why: "unsent" | "ended" | "refused" = "unsent";
  #retryMs = RETRY_FIRST_MS;
  #retry: number | undefined;
  #warning: number | undefined;
  #listeners: AbortController | undefined;
  #clipboard: Clipboard | undefined;
  #soft: HTMLTextAreaElement | null = null;
  #mode: Mode = "follow";
  #quality: Quality = "auto";
  /** What the line bears; kept over a lost connection, since the next one is likely the same line. */
  readonly #auto = new AutoQuality();
  /** Nobody looks at the tab: not connected, and not trying to be. */
  #resting = false;

  /** Has the keys, since input methods and dead keys work in a text field only. The Tab key comes in by it. */
  get #field(): HTMLTextAreaElement | null {
    return this.querySelector("textarea");
  }

  connectedCallback(): void {
    // Moving the element about by a morph is no reason to connect again.
    if (this.#rfb) return;
    const narrow = window.matchMedia("(max-width: 640px)").matches;
    this.#mode = remembered("rolltop-mode", ["follow", "fit", "actual"], narrow ? "fit" : "follow");
    this.#quality = remembered("rolltop-quality", QUALITIES, "auto");
    this.#listeners = new AbortController();
    this.#wire(this.#listeners.signal);
    this.#connect();
  }

  disconnectedCallback(): void {
    // A morph may take it out and put it back at once.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#keepFrame();
      this.#listeners?.abort();
      window.clearTimeout(this.#retry);
      window.clearTimeout(this.#warning);
      this.#rfb?.disconnect();
      this.#rfb = undefined;
      tellConnection("screen", "none");
    });
  }

  #connect(): void {
    this.dataset.status ??= "connecting";
    this.#auto.connected();
    const socket = new WebSocket(this.#address(), ["binary"]);
    takePulse(socket, {
      answered: (milliseconds, bytes) => {
        this.#latency(milliseconds);
        this.#auto.answered(milliseconds, bytes, performance.now());
        this.#press();
      },
      silent: (silent) => this.#silent(rfb, silent),
    });
    socket.addEventListener("close", ({ code }) => (this.#why = ENDS[code] ?? "unsent"));
    const rfb = new RFB(this, socket);
    this.#rfb = rfb;
    const field = this.#field;
    if (field) rfb._keyboard._target = field;
    readWholeClipboards(rfb);
    rfb.background = "transparent";
    rfb.focusOnClick = true;
    this.#apply();
    rfb.addEventListener("connect", () => this.#connected());
    rfb.addEventListener("disconnect", () => {
      if (this.#rfb === rfb) this.#lost();
    });
    rfb.addEventListener("clipboard", (event) => {
      this.#clipboard?.receive((event as CustomEvent<{ text: string }>).detail.text);
    });
  }

  #address(): string {
    const url = new URL(this.getAttribute("src") ?? "", window.location.href);
    url.protocol = "wss:";
    return url.href;
  }

  #connected(): void {
    window.clearTimeout(this.#warning);
    this.#warning = undefined;
    this.#retryMs = RETRY_FIRST_MS;
    this.#canvas = this.querySelector("canvas:not(.last-frame)");
    // noVNC gives itself the keys at each click.
    this.#canvas?.addEventListener("focus", () => this.#field?.focus({ preventScroll: true }));
    // noVNC forgets a size that is wished for while it waits for the answer to another: it is asked again.
    const resized = new MutationObserver(() => this.#apply());
    if (this.#canvas) resized.observe(this.#canvas, { attributeFilter: ["width", "height"] });
    this.#status("connected");
    if (document.activeElement === document.body) this.#rfb?.focus({ preventScroll: true });
  }

  /** The network has gone away without a word: what is typed would wait somewhere, or be lost. */
  #silent(rfb: RFB, silent: boolean): void {
    if (this.#rfb !== rfb) return;
    rfb.viewOnly = silent;
    this.#status(silent ? "unanswering" : "connected");
    if (silent) this.#latency(undefined);
  }

  #latency(milliseconds: number | undefined): void {
    const place = document.querySelector<HTMLElement>("[data-latency]");
    if (!place) return;
    const unit = { style: "unit", unit: "millisecond" } as const;
    place.textContent =
      milliseconds === undefined
        ? ""
        : new Intl.NumberFormat(document.documentElement.lang, unit).format(Math.round(milliseconds));
  }

  #lost(): void {
    this.#keepFrame();
    this.#latency(undefined);
    this.#rfb = undefined;
    if (!this.isConnected || this.#resting) return;
    if (this.dataset.status === "connected") this.#status("silent");
    else if (this.dataset.status === "unanswering") this.#status("reconnecting");
    this.#warning ??= window.setTimeout(() => this.#status("reconnecting"), SILENT_MS);
    this.#retry = window.setTimeout(() => this.#connect(), this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS);
  }

  /** What stays to be seen while the connection is away, or after the desktop has stopped. */
  #keepFrame(): void {
    const canvas = this.#canvas;
    if (!canvas || canvas.width === 0) return;
    const still = document.createElement("canvas");
    still.className = "last-frame";
    [still.width, still.height] = [canvas.width, canvas.height];
    still.getContext("2d")?.drawImage(canvas, 0, 0);
    this.querySelector(".last-frame")?.remove();
    this.prepend(still);
    const desktop = this.dataset.desktop ?? "";
    still.toBlob(
      (picture) => {
        if (picture) void keepFrame(desktop, picture).then(showFrames);
      },
      "image/jpeg",
      0.8,
    );
  }

  #status(status: string): void {
    this.dataset.status = status;
    tellConnection("screen", status === "reconnecting" ? this.#why : status === "unanswering" ? "silent" : "none");
  }

  #apply(): void {
    const rfb = this.#rfb;
    if (!rfb) return;
    rfb.scaleViewport = this.#mode !== "actual";
    rfb.resizeSession = this.#mode === "follow";
    this.#press();
    this.dataset.mode = this.#mode;
    for (const item of document.querySelectorAll<HTMLElement>("[data-screen-mode]")) {
      item.setAttribute("aria-checked", String(item.dataset.screenMode === this.#mode));
    }
    for (const item of document.querySelectorAll<HTMLElement>("[data-screen-quality]")) {
      item.setAttribute("aria-checked", String(item.dataset.screenQuality === this.#quality));
    }
  }

  /** Has the picture pressed together as is wished; noVNC asks the server only where that is new. */
  #press(): void {
    if (!this.#rfb) return;
    const level = this.#quality === "auto" ? this.#auto.level : this.#quality;
    this.dataset.quality = level;
    this.#rfb.qualityLevel = SETTINGS[level].quality;
    this.#rfb.compressionLevel = SETTINGS[level].compression;
  }

  #rest(): void {
    this.#resting = true;
    window.clearTimeout(this.#retry);
    window.clearTimeout(this.#warning);
    this.#warning = undefined;
    this.#rfb?.disconnect();
  }

  #comeBack(): void {
    this.#resting = false;
    if (!this.#rfb) this.#connect();
  }

  #wire(signal: AbortSignal): void {
    const current = () => this.#rfb;
    // Typed while there is no screen to type in: said at once rather than swallowed.
    on(document, "keydown", { capture: true, signal }, () => {
      const elsewhere = document.activeElement !== document.body && !this.contains(document.activeElement);
      if (this.dataset.status === "silent" && !elsewhere) this.#status("reconnecting");
    });
    whenUnseen(
      () => this.#rest(),
      () => this.#comeBack(),
      signal,
    );
    watchLeaving(this, () => document.querySelector<HTMLElement>("#screen-bar button")?.focus(), signal);
    // Before the others that listen for keys: those of an input method are none of theirs.
    const field = this.#field;
    if (field) sendTyped(this, field, current, signal);
    if (field) followPointer(this, field, signal);
    this.#clipboard = new Clipboard(current, this, signal);
    mapCommand(this, current, signal);
    document.addEventListener("click", (event) => this.#clicked(event.target as Element), { signal });
    // noVNC keeps clicks to itself, so menus would stay open over the screen.
    this.addEventListener(
      "pointerdown",
      () => document.dispatchEvent(new CustomEvent("basecoat:popover", { detail: { source: null } })),
      { capture: true, signal },
    );
    document.addEventListener("htmx:after:settle", () => this.#apply(), { signal });
  }

  /** The bar comes after the screen when a morph brings both, so its parts are looked for when used. */
  #softKeyboard(): HTMLTextAreaElement | null {
    const soft = document.querySelector<HTMLTextAreaElement>("[data-soft-keyboard]");
    if (soft && soft !== this.#soft) attachSoftKeyboard(soft, () => this.#rfb);
    this.#soft = soft;
    return soft;
  }

  #clicked(target: Element): void {
    const control = target.closest<HTMLElement>(
      "[data-screen-keys],[data-screen-mode],[data-screen-quality],[data-screen-full],[data-screen-keyboard]",
    );
    if (!control) return;
    const { screenKeys, screenMode, screenQuality } = control.dataset;
    if (screenKeys !== undefined && this.#rfb) {
      sendChord(this.#rfb, screenKeys);
      this.#rfb.focus();
    } else if (screenMode !== undefined) {
      this.#mode = screenMode as Mode;
      remember("rolltop-mode", screenMode);
      this.#apply();
    } else if (screenQuality !== undefined) {
      this.#quality = screenQuality as Quality;
      remember("rolltop-quality", screenQuality);
      this.#apply();
    } else if (control.dataset.screenFull !== undefined) {
      void toggleFullScreen();
      this.#rfb?.focus();
    } else {
      this.#softKeyboard()?.focus();
    }
  }
}

/** The clipboard's panel goes away like a menu: by Escape or a press elsewhere. */
function closePanels(event: Event): void {
  const byEscape = event instanceof KeyboardEvent && event.key === "Escape";
  for (const panel of document.querySelectorAll<HTMLDetailsElement>("details.clipboard[open]")) {
    const inside = panel.contains(event.target as Node);
    if (event instanceof KeyboardEvent ? byEscape && inside : !inside) {
      panel.open = false;
      if (byEscape) panel.querySelector("summary")?.focus();
    }
  }
}

async function toggleFullScreen(): Promise<void> {
  if (document.fullscreenElement) {
    await document.exitFullscreen();
    return;
  }
  await document.querySelector("[data-fullscreen-root]")?.requestFullscreen({ navigationUI: "hide" });
  // Where the browser allows it, Escape, Alt+Tab and the like go to the desktop too.
  const { keyboard } = navigator as Navigator & { keyboard?: { lock?: () => Promise<void> } };
  await keyboard?.lock?.().catch(() => undefined);
}

document.addEventListener("pointerdown", closePanels, { capture: true });
document.addEventListener("keydown", closePanels);
customElements.define("rolltop-screen", RolltopScreen);

/**
 * noVNC leaves what a server packs into a clipboard unread while it is view-only, and takes it for the server's next
 * messages then, whose lengths nobody has measured.
 */
function readWholeClipboards(rfb: RFB): void {
  const read = rfb._handleServerCutText.bind(rfb);
  rfb._handleServerCutText = () => {
    const viewOnly = rfb._viewOnly;
    rfb._viewOnly = false;
    try {
      return read();
    } finally {
      rfb._viewOnly = viewOnly;
    }
  };
}
