// Small choices that stay in this browser: colours, and whether the side panel is open.
import { chooseTheme, chosenTheme, type Theme } from "./theme-choice";

function showTheme(): void {
  const chosen = chosenTheme();
  for (const item of document.querySelectorAll<HTMLElement>("[data-theme-choice]")) {
    item.setAttribute("aria-checked", String(item.dataset["themeChoice"] === chosen));
  }
}

const PANEL = "rolltop-panel";

function panel(): void {
  const root = document.querySelector<HTMLElement>("[data-panel-root]");
  if (!root) return;
  const narrow = window.matchMedia("(max-width: 900px)").matches;
  let open = !narrow;
  try {
    open = !narrow && localStorage.getItem(PANEL) !== "closed";
  } catch {
    // Storage may be forbidden; then it starts open.
  }
  const show = (value: boolean) => {
    open = value;
    document.documentElement.classList.toggle("panel-open", value);
    document.querySelector("[data-panel-toggle]")?.setAttribute("aria-pressed", String(value));
  };
  show(open);
  document.addEventListener("click", (event) => {
    if (!(event.target as Element).closest("[data-panel-toggle]")) return;
    show(!open);
    try {
      if (!narrow) localStorage.setItem(PANEL, open ? "open" : "closed");
    } catch {
      // As above.
    }
  });
  document.addEventListener("htmx:after:settle", () => show(open));
}

export function startPreferences(): void {
  showTheme();
  document.addEventListener("click", (event) => {
    const choice = (event.target as Element).closest<HTMLElement>("[data-theme-choice]");
    if (choice) {
      chooseTheme((choice.dataset["themeChoice"] ?? "system") as Theme);
      showTheme();
    }
  });
  panel();
}
