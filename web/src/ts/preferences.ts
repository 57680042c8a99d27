// The choice of colours in the account menu.
import { onClick } from "./listen";
import { chooseTheme, chosenTheme, type Theme } from "./theme-choice";

function showTheme(): void {
  const chosen = chosenTheme();
  for (const item of document.querySelectorAll<HTMLElement>("[data-theme-choice]")) {
    // In the palette it is a command, with no state of its own.
    if (item.role === "menuitem") continue;
    item.setAttribute("aria-checked", String(item.dataset.themeChoice === chosen));
  }
}

export function startPreferences(): void {
  showTheme();
  onClick("[data-theme-choice]", (choice) => {
    chooseTheme((choice.dataset.themeChoice ?? "system") as Theme);
    showTheme();
  });
}
