// Questions in dialogs. Apart from the page's own dialogs, so that what is loaded later has no second htmx in it.

/** Where a dialog asks for something, that is where one begins. One that destroys begins at its way out. */
export function focusFirst(dialog: HTMLDialogElement): void {
  if (dialog.querySelector("[data-close][autofocus]")) return;
  const fields = dialog.querySelectorAll<HTMLInputElement>(
    ".dialog-body :is(input, select, textarea):not([type=hidden], [readonly], :disabled)",
  );
  const first = [...fields].find((field) => field.checkVisibility());
  const group = first?.type === "radio" && [...fields].find((field) => field.name === first.name && field.checked);
  (group || first)?.focus();
  if (first?.dataset.select !== undefined) first.select();
}

/** Asks in a dialog of an element's own; resolves to whether it was answered with yes. */
export function ask(owner: HTMLElement, dialog: HTMLDialogElement): Promise<boolean> {
  dialog.returnValue = "";
  // Inside the panel, the panel would cut it off.
  document.body.append(dialog);
  dialog.showModal();
  focusFirst(dialog);
  return new Promise((answer) => {
    const closed = () => {
      owner.append(dialog);
      answer(dialog.returnValue === "yes");
    };
    dialog.addEventListener("close", closed, { once: true });
  });
}
