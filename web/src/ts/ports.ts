// The list of ports that listen is looked at again every few seconds, while somebody sees it.
import htmx from "htmx.org";

const EVERY_MS = 4000;

export function startPorts(): void {
  window.setInterval(() => {
    const part = document.getElementById("ports-now");
    if (part && part.clientHeight > 0 && !document.hidden) htmx.trigger(part, "refresh", {}, false);
  }, EVERY_MS);
}
