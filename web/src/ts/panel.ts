// The panel beside a screen: open or hidden, and as wide as it was dragged. Both stay in this
// browser.
import { recall, remember } from "./kept";
import { on, onClick } from "./listen";

const OPEN = "rolltop-panel";
const WIDTH = "rolltop-panel-width";
const WIDE = "rolltop-panel-wide";
/** Pixels per press of an arrow key. */
const STEP = 16;

function grip(): HTMLElement | null {
  return document.querySelector<HTMLElement>("[data-panel-grip]");
}

function resize(pixels: number): void {
  const handle = grip();
  if (!handle || !Number.isFinite(pixels)) return;
  const [least, most] = [Number(handle.ariaValueMin), Number(handle.ariaValueMax)];
  const width = Math.round(Math.min(Math.max(pixels, least), most, window.innerWidth * 0.6));
  document.documentElement.style.setProperty("--panel-width", `${width}px`);
  handle.ariaValueNow = String(width);
  remember(WIDTH, String(width));
}

function startGrip(): void {
  document.addEventListener("pointerdown", (event) => {
    const handle = grip();
    if (!handle || event.target !== handle) return;
    handle.setPointerCapture(event.pointerId);
    handle.dataset.dragging = "";
    const move = (at: PointerEvent) => resize(window.innerWidth - at.clientX);
    handle.addEventListener("pointermove", move);
    on(handle, "lostpointercapture", { once: true }, () => {
      handle.removeEventListener("pointermove", move);
      delete handle.dataset.dragging;
    });
  });
  document.addEventListener("keydown", (event) => {
    const handle = grip();
    if (!handle || event.target !== handle) return;
    const by = event.key === "ArrowLeft" ? STEP : event.key === "ArrowRight" ? -STEP : 0;
    if (by === 0) return;
    event.preventDefault();
    resize(Number(handle.ariaValueNow) + by);
  });
}

/** What a tab needs is loaded once it is seen. */
function loadModules(): void {
  for (const part of document.querySelectorAll<HTMLElement>("[role=tabpanel]:not([hidden]) [data-module]")) {
    if (part.clientHeight === 0) continue;
    const address = part.dataset.module ?? "";
    delete part.dataset.module;
    void import(address).catch(() => (part.dataset.module = address));
  }
}

/** The tab that an address names: that of a link, or that was open when this page was left for a reload. */
function namedTab(): HTMLElement | undefined {
  const named = document.getElementById(`tab-${window.location.hash.slice(1)}`);
  return named?.closest("#panel-tabs") ? named : undefined;
}

function startTabs(): void {
  const named = namedTab();
  if (named) window.setTimeout(() => named.click());
  document.addEventListener("click", (event) => {
    const tab = (event.target as Element).closest("#panel-tabs > [role=tablist] > [role=tab]");
    if (tab) window.history.replaceState(window.history.state, "", `#${tab.id.replace("tab-", "")}`);
    window.setTimeout(loadModules);
  });
  document.addEventListener("htmx:after:settle", loadModules);
}

export function startPanel(): void {
  if (!document.querySelector("[data-panel-root]")) return;
  // On a narrow window it covers the screen, so it starts hidden.
  const narrow = window.matchMedia("(max-width: 900px)").matches;
  let open = namedTab() !== undefined || (!narrow && recall(OPEN) !== "closed");
  let wide = recall(WIDE) === "wide";
  const show = () => {
    document.documentElement.classList.toggle("panel-open", open);
    document.querySelector("[data-panel-toggle]")?.setAttribute("aria-pressed", String(open));
    document.documentElement.classList.toggle("panel-wide", wide);
    document.querySelector("[data-panel-wide]")?.setAttribute("aria-pressed", String(wide));
  };
  show();
  const width = recall(WIDTH);
  if (width !== null) resize(Number(width));
  startGrip();
  startTabs();
  onClick("[data-show-tab]", ({ dataset }) => {
    open = true;
    document.getElementById(`tab-${dataset.showTab}`)?.click();
    show();
  });
  onClick("[data-panel-wide]", () => {
    wide = !wide;
    remember(WIDE, wide ? "wide" : "narrow");
    show();
  });
  onClick("[data-panel-toggle]", () => {
    open = !open;
    if (!narrow) remember(OPEN, open ? "open" : "closed");
    // Or a reload would open it again.
    if (!open) window.history.replaceState(window.history.state, "", window.location.pathname + window.location.search);
    show();
  });
  document.addEventListener("htmx:after:settle", show);
}
