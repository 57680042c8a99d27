// Keys that a browser or a touch screen can't send by itself.
import type RFB from "@novnc/novnc";

interface Key {
  keysym: number;
  code: string;
}

const NAMED: Record<string, Key> = {
  Control: { keysym: 0xffe3, code: "ControlLeft" },
  Alt: { keysym: 0xffe9, code: "AltLeft" },
  Shift: { keysym: 0xffe1, code: "ShiftLeft" },
  Super: { keysym: 0xffeb, code: "MetaLeft" },
  Delete: { keysym: 0xffff, code: "Delete" },
  Escape: { keysym: 0xff1b, code: "Escape" },
  Tab: { keysym: 0xff09, code: "Tab" },
  Print: { keysym: 0xff61, code: "PrintScreen" },
  Return: { keysym: 0xff0d, code: "Enter" },
  BackSpace: { keysym: 0xff08, code: "Backspace" },
};

function named(name: string): Key | undefined {
  const known = NAMED[name];
  if (known) return known;
  const f = /^F([1-9]|1[0-2])$/.exec(name);
  return f ? { keysym: 0xffbd + Number(f[1]), code: name } : undefined;
}

/** Presses keys such as "Control+Alt+Delete" together and lets them go in reverse. */
export function sendChord(rfb: RFB, chord: string): void {
  const keys = chord
    .split("+")
    .map(named)
    .filter((key) => key !== undefined);
  for (const key of keys) rfb.sendKey(key.keysym, key.code, true);
  for (const key of keys.reverse()) rfb.sendKey(key.keysym, key.code, false);
}

/** The X keysym of one character. */
export function keysymOf(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  if (point === 0x0a || point === 0x0d) return 0xff0d;
  if (point === 0x09) return 0xff09;
  const latin1 = (point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xff);
  return latin1 ? point : 0x01000000 | point;
}

/** As a person counts them: an emoji is one, whatever it is made of. */
function letters(text: string): string[] {
  return [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].map(({ segment }) => segment);
}

/**
 * The on-screen keyboard: types what changes in a text area, because soft keyboards send no
 * usable key events. Content before the change is kept so that backspace has something to take.
 */
export function attachSoftKeyboard(area: HTMLTextAreaElement, rfb: () => RFB | undefined): void {
  const FILLER = "_".repeat(50);
  let before = FILLER;
  const reset = () => {
    before = FILLER;
    area.value = FILLER;
    area.setSelectionRange(FILLER.length, FILLER.length);
  };
  area.addEventListener("focus", reset);
  area.addEventListener("input", () => {
    const [now, before_] = [letters(area.value), letters(before)];
    let same = 0;
    while (same < now.length && same < before_.length && now[same] === before_[same]) same += 1;
    const connection = rfb();
    for (let i = before_.length; i > same; i -= 1) connection?.sendKey(0xff08, "Backspace");
    for (const character of now.slice(same).join("")) connection?.sendKey(keysymOf(character), null);
    before = area.value;
    if (now.length < 10 || now.length > 200) reset();
  });
}
