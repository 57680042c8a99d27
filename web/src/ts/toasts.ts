// Toasts come from the server, out of band, into #toasts; here they only go again.
import { word } from "./words";

const STAY_MS = 5000;
const STAY_LONG_MS = 10000;
/** For the answer to arrive at the button that asked. */
const UNDONE_MS = 1000;

function leave(toast: HTMLElement): void {
  if (toast.dataset.leaving !== undefined) return;
  toast.dataset.leaving = "";
  toast.dispatchEvent(new CustomEvent("rolltop:leaving"));
  const gone = () => toast.remove();
  toast.addEventListener("transitionend", gone, { once: true });
  window.setTimeout(gone, 300);
}

function watch(toast: HTMLElement): void {
  const undo = toast.querySelector("[data-undo]");
  const stay = undo || toast.dataset.kind === "error" ? STAY_LONG_MS : STAY_MS;
  let timer = window.setTimeout(() => leave(toast), stay);
  const hold = () => window.clearTimeout(timer);
  const release = () => {
    hold();
    timer = window.setTimeout(() => leave(toast), stay);
  };
  toast.addEventListener("pointerenter", hold);
  toast.addEventListener("focusin", hold);
  toast.addEventListener("pointerleave", release);
  toast.addEventListener("focusout", release);
  undo?.addEventListener("click", () => window.setTimeout(() => leave(toast), UNDONE_MS));
  toast.querySelector("[data-dismiss]")?.addEventListener("click", () => leave(toast));
}

/** A toast made in the browser, for what never reached the server. */
export function toast(kind: "info" | "error", text: string): void {
  show(kind, text);
}

/** One with a way back that is this page's own; `over` once nobody took it. */
export function toastWithUndo(text: string, undo: () => void, over: () => void): void {
  const item = show("undo", text);
  if (!item) return over();
  let undone = false;
  item.querySelector("[data-undo]")?.addEventListener("click", () => {
    undone = true;
    undo();
  });
  item.addEventListener("rolltop:leaving", () => {
    if (!undone) over();
  });
}

function show(kind: "info" | "error" | "undo", text: string): HTMLElement | undefined {
  const template = document.querySelector<HTMLTemplateElement>(`#toast-${kind}`);
  const list = document.getElementById("toasts");
  const copy = template?.content.firstElementChild?.cloneNode(true);
  if (!list || !(copy instanceof HTMLElement)) return undefined;
  const place = copy.querySelector("[data-text]");
  if (place) place.textContent = text;
  list.append(copy);
  return copy;
}

export function startToasts(): void {
  const list = document.getElementById("toasts");
  if (!list) return;
  for (const item of list.querySelectorAll<HTMLElement>(".toast")) watch(item);
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node instanceof HTMLElement) watch(node);
    }
  }).observe(list, { childList: true });
  document.addEventListener("htmx:error", (event) => {
    // What refreshes itself also tries again by itself.
    if (event.target instanceof HTMLElement && event.target.dataset.live !== undefined) return;
    toast("error", word("offline"));
  });
}
