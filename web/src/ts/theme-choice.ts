// Which colours to use, and where that is remembered.

import { recall, remember } from "./kept";

export type Theme = "light" | "dark" | "system";

const KEY = "rolltop-theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");

export function chosenTheme(): Theme {
  const stored = recall(KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

export function chooseTheme(theme: Theme): void {
  remember(KEY, theme);
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
