// Letters that are no single key: what an input method composes, a dead key with the letter after it, an
// emoji. A browser makes them in a text field only, so the screen has one, and the keys go there. Such
// a key is left to the browser, and the text that comes of it is sent. All others are noVNC's as ever.
import type RFB from "@novnc/novnc";

import { MODIFIERS } from "./leave";
import { on } from "./listen";
import { keysymOf } from "./screen-keys";

/** What puts text into a field without typing it. Undoing would bring back what was typed before. */
const NOT_TYPED = /^(insertFrom(Paste|Drop|Yank)|history)/;

/** An input method or the system has the key; some browsers say so only by the number 229. */
function isTaken(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229 || event.key === "Process" || event.key === "Dead";
}

/** A name such as "Enter" is ASCII; this is text of more than noVNC sends for a key. */
function isLongText(key: string): boolean {
  return key.length > 1 && /[^\x20-\x7e]/.test(key);
}

function isLetter(event: KeyboardEvent): boolean {
  const shortcut = (event.ctrlKey || event.metaKey) && !event.getModifierState("AltGraph");
  return event.key.length === 1 && !shortcut;
}

/** Sends what the browser makes of keys in `field`, and keeps the field empty: what is typed may be a password. */
export function sendTyped(
  screen: HTMLElement,
  field: HTMLTextAreaElement,
  rfb: () => RFB | undefined,
  signal: AbortSignal,
): void {
  let composing = false;
  let afterDead = false;
  /** How much of the field's text has been sent: it can't be taken away while there is more being composed. */
  let sent = 0;

  const send = () => {
    for (const character of field.value.slice(sent)) rfb()?.sendKey(keysymOf(character), null);
    sent = composing ? field.value.length : 0;
    if (!composing && field.value !== "") field.value = "";
  };
  const sendUnlessComposing = () => {
    if (!composing) send();
  };

  on(screen, "keydown", { capture: true, signal }, (event) => {
    const second = afterDead && isLetter(event);
    if (!MODIFIERS.has(event.key)) afterDead = event.key === "Dead";
    // Chrome on Windows calls the letter after a dead key by its own name, and the text alone has the accent.
    if (isTaken(event) || second || isLongText(event.key)) event.stopImmediatePropagation();
    else sendUnlessComposing();
  });

  on(field, "compositionstart", { signal }, () => {
    composing = true;
    // A Korean syllable may begin before the one before it has been sent.
    send();
    field.dataset.composing = "";
  });
  on(field, "compositionend", { signal }, () => {
    composing = false;
    delete field.dataset.composing;
    // In Safari the text is not final yet; it comes with an input event then.
    window.setTimeout(sendUnlessComposing);
  });
  on(field, "beforeinput", { signal }, (event) => {
    if (NOT_TYPED.test(event.inputType)) event.preventDefault();
  });
  for (const kind of ["input", "blur"]) field.addEventListener(kind, sendUnlessComposing, { signal });
}

/** An input method shows its choices at the field, so it is kept where the person last pointed. */
export function followPointer(screen: HTMLElement, field: HTMLTextAreaElement, signal: AbortSignal): void {
  // A phone would show its keyboard at each tap; there is a button for it.
  const touched = (touch: boolean) =>
    touch ? field.setAttribute("inputmode", "none") : field.removeAttribute("inputmode");
  touched(window.matchMedia("(pointer: coarse)").matches);
  on(screen, "pointerdown", { capture: true, signal }, (event) => {
    const { left, top } = screen.getBoundingClientRect();
    field.style.left = `min(${event.clientX - left}px, 100% - 12rem)`;
    field.style.top = `${event.clientY - top}px`;
    touched(event.pointerType !== "mouse");
  });
}
