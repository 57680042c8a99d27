// The choice of colours in the account menu.
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
  document.addEventListener("click", (event) => {
    const choice = (event.target as Element).closest<HTMLElement>("[data-theme-choice]");
    if (choice) {
      chooseTheme((choice.dataset.themeChoice ?? "system") as Theme);
      showTheme();
    }
  });
}
