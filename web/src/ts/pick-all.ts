// Picking every desktop of the list at once.

export function startPickAll(): void {
  document.addEventListener("change", (event) => {
    const field = event.target as HTMLInputElement;
    if (!field.matches("[data-pick-all], .pick")) return;
    const boxes = [...document.querySelectorAll<HTMLInputElement>(".pick")];
    if (field.matches("[data-pick-all]")) {
      for (const box of boxes) box.checked = field.checked;
      return;
    }
    const all = document.querySelector<HTMLInputElement>("[data-pick-all]");
    const picked = boxes.filter((box) => box.checked).length;
    if (!all) return;
    all.checked = picked > 0 && picked === boxes.length;
    all.indeterminate = picked > 0 && picked < boxes.length;
  });
}
