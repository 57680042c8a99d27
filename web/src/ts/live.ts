// Keeps the page true: listens to the API's event stream and asks each part of the page
// that shows what changed to fetch itself again. A part says what it shows with data-live:
// a desktop's id, or "desktops" for the list. Reconnecting is silent for two seconds.
import htmx from "htmx.org";

import type { Event as Change, EventKind } from "../../generated/v1";
import { tellConnection } from "./connection";

const SILENT_MS = 2000;
const RETRY_MS = 2000;
const KINDS: EventKind[] = ["desktop.changed", "desktop.destroyed", "step", "snapshot.changed"];
/** Bursts of events within this time make one refresh. */
const GATHER_MS = 120;

let lastSeq: number | undefined;
let stream: EventSource | undefined;
let warning: number | undefined;
let broken = false;
let connected = false;
const pending = new Set<string>();
let gathering: number | undefined;

/** Asks every part that shows `subject` to fetch itself again; "*" means all of them. */
export function refresh(subject: string): void {
  pending.add(subject);
  if (gathering !== undefined) return;
  gathering = window.setTimeout(() => {
    gathering = undefined;
    const subjects = new Set(pending);
    pending.clear();
    for (const part of document.querySelectorAll<HTMLElement>("[data-live]")) {
      const shows = part.dataset.live ?? "";
      if (subjects.has("*") || subjects.has(shows) || shows === "desktops") {
        htmx.trigger(part, "refresh", {}, false);
      }
    }
  }, GATHER_MS);
}

function heard(message: MessageEvent<string>): void {
  const change = JSON.parse(message.data) as Change;
  lastSeq = change.seq;
  if (change.desktop) refresh(change.desktop);
}

function line(show: boolean): void {
  tellConnection("events", show ? "reconnecting" : "none");
}

function opened(): void {
  window.clearTimeout(warning);
  warning = undefined;
  line(false);
  // What was missed while away is sent again, but only to those who were connected before; and
  // what happened while the page was on its way is told to nobody.
  if (broken || !connected) refresh("*");
  broken = false;
  connected = true;
}

async function failed(): Promise<void> {
  broken = true;
  warning ??= window.setTimeout(() => line(true), SILENT_MS);
  if (stream?.readyState !== EventSource.CLOSED) return;
  const answer = await fetch("/v1/me", { cache: "no-store" }).catch(() => undefined);
  if (answer?.status === 401) window.location.assign("/sign-in");
  else window.setTimeout(connect, RETRY_MS);
}

/** A part that could not fetch itself tries again: nobody asked for it, so nobody is told. */
function retryParts(): void {
  document.addEventListener("htmx:error", (event) => {
    const subject = event.target instanceof HTMLElement ? event.target.dataset.live : undefined;
    if (subject !== undefined) window.setTimeout(() => refresh(subject), RETRY_MS);
  });
}

/** One that had to wait asks for what the part shows by then: a filter may have been chosen meanwhile. */
function askForWhatIsShown(): void {
  document.addEventListener("htmx:before:request", (event) => {
    const part = event.target;
    const { ctx } = (event as CustomEvent<{ ctx: { request: { action: string } } }>).detail;
    if (part instanceof HTMLElement && part.dataset.live !== undefined)
      ctx.request.action = part.getAttribute("hx-get") ?? ctx.request.action;
  });
}

function connect(): void {
  const after = lastSeq === undefined ? "" : `?after=${lastSeq}`;
  stream?.close();
  stream = new EventSource(`/v1/events${after}`);
  stream.addEventListener("open", opened);
  stream.addEventListener("error", () => void failed());
  for (const kind of KINDS) {
    stream.addEventListener(kind, (event) => heard(event as MessageEvent<string>));
  }
}

export function startLive(): void {
  if (document.body.dataset.events !== "on") return;
  connect();
  retryParts();
  askForWhatIsShown();
  // A page that comes back from the browser's cache has a dead stream and old contents.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) {
      connect();
      refresh("*");
    }
  });
  window.addEventListener("pagehide", () => stream?.close());
}
