// Which colours to use, and where that is remembered.

export type Theme = "light" | "dark" | "system";

const KEY = "rolltop-theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");

export function chosenTheme(): Theme {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system";
  }
}

export function chooseTheme(theme: Theme): void {
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Storage may be forbidden; then the choice lasts as long as the page.
  }
  applyTheme(theme);
}

export function applyTheme(theme: Theme = chosenTheme()): void {
  const dark = theme === "dark" || (theme === "system" && system.matches);
  document.documentElement.classList.toggle("dark", dark);
}

export function watchSystem(): void {
  system.addEventListener("change", () => applyTheme());
  window.addEventListener("storage", () => applyTheme());
}
