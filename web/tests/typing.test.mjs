// What is typed on a desktop's screen by an input method, a dead key or AltGr reaches the desktop as letters.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FIELD, SCREEN, focused, keys, listening, openScreen, pretend } from "./screen-page.mjs";
import { startBrowser, startPlatform } from "./support.mjs";

let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startPlatform({ desktops: ["research"] }), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A screen that has the keys, and `input` to type on it as a system does. */
async function openTyping({ platform, first } = {}) {
  const page = await openScreen(browser, server.url, {
    before: async (page) => {
      await first?.(page);
      await listening(page);
      if (platform) await pretend(page, platform);
    },
  });
  await page.locator(SCREEN).click({ position: { x: 200, y: 120 } });
  const session = await page.context().newCDPSession(page);
  const input = (name, parameters) => session.send(`Input.${name}`, parameters);
  const press = (type, key, code, keyCode, more = {}) =>
    input("dispatchKeyEvent", { type, key, code, windowsVirtualKeyCode: keyCode, ...more });
  await keys(page);
  return { page, input, press };
}

/** An input method takes a key for itself. */
async function taken(press, code) {
  await press("rawKeyDown", "Process", code, 229);
  await press("keyUp", code.slice(-1).toLowerCase(), code, code.charCodeAt(3));
}

const compose = (input, text) =>
  input("imeSetComposition", { text, selectionStart: text.length, selectionEnd: text.length });

/** Each character pressed and let go of. */
const pressed = (text) =>
  [...text].flatMap((character) => {
    const point = character.codePointAt(0);
    const keysym = (point <= 0xff ? point : 0x01000000 + point).toString(16);
    return [`+${keysym}`, `-${keysym}`];
  });

/** Waits for the keys, and for nothing to follow them. */
async function arrived(page, wanted) {
  const seen = [];
  for (const end = Date.now() + 10_000; seen.length < wanted.length && Date.now() < end; ) {
    seen.push(...(await keys(page)));
    if (seen.length < wanted.length) await page.waitForTimeout(20);
  }
  await page.evaluate(() => new Promise((done) => setTimeout(() => requestAnimationFrame(done))));
  assert.deepEqual([...seen, ...(await keys(page))], wanted);
  assert.equal(await page.locator(FIELD).inputValue(), "", "nothing typed stays in the page");
}

async function conclude(page) {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

test("an input method composes over the screen, and the desktop gets what is decided on", async () => {
  const { page, input, press } = await openTyping();
  await page.mouse.click(500, 400);
  await focused(page, FIELD);
  for (const [key, text] of [
    ["N", "n"],
    ["I", "に"],
    ["H", "にh"],
    ["O", "にほ"],
    ["N", "にほn"],
    ["G", "にほんg"],
    ["O", "にほんご"],
  ]) {
    await taken(press, `Key${key}`);
    await compose(input, text);
  }
  await compose(input, "日本語");
  assert.deepEqual(await keys(page), [], "nothing while it is composed");
  await page.locator(`${FIELD}[data-composing]`).waitFor();
  const { x, y, height } = await page.locator(FIELD).boundingBox();
  assert.ok(Math.abs(x - 500) < 2 && Math.abs(y + height / 2 - 400) < 2, `it is seen where the click was: ${x}, ${y}`);
  await press("rawKeyDown", "Enter", "Enter", 229);
  await input("insertText", { text: "日本語" });
  await press("keyUp", "Enter", "Enter", 13);
  await arrived(page, pressed("日本語"));

  await taken(press, "KeyN");
  await compose(input, "ni");
  await compose(input, "");
  await arrived(page, []);
  for (const text of ["你好", "한", "é", "ß", "あ", "𠮷", "😀", "👩‍🚀"]) {
    await compose(input, text.slice(0, 1));
    await input("insertText", { text });
    await arrived(page, pressed(text));
  }
  await page.keyboard.press("Enter");
  await arrived(page, ["+ff0d", "-ff0d"]);
  await conclude(page);
});

test("what is composed goes before the key or the click that ends it", async () => {
  const { page, input, press } = await openTyping();
  await compose(input, "한");
  // Not waited for: the next key is there before the page has come to rest.
  await Promise.all([
    input("insertText", { text: "한" }),
    press("keyDown", "a", "KeyA", 65, { text: "a" }),
    press("keyUp", "a", "KeyA", 65),
  ]);
  await arrived(page, [...pressed("한"), "+61", "-61"]);
  // The next syllable begins where the last one ends.
  await page.locator(FIELD).evaluate((field) => {
    const say = (kind, data) => field.dispatchEvent(new CompositionEvent(kind, { data }));
    say("compositionstart", "");
    field.value = "한";
    say("compositionend", "한");
    say("compositionstart", "");
    field.value = "한국";
  });
  assert.deepEqual(await keys(page), pressed("한"));
  await page.locator(FIELD).dispatchEvent("compositionend", { data: "국" });
  await arrived(page, pressed("국"));
  await compose(input, "語");
  await page.evaluate(() => (window.sent.length = 0));
  await page.locator(SCREEN).click({ position: { x: 300, y: 200 } });
  const [pointer, letter] = await page.evaluate(() => [
    window.sent.findIndex(([kind, buttons]) => kind === 5 && buttons === 1),
    window.sent.findIndex(([kind]) => kind === 4),
  ]);
  assert.ok(letter >= 0 && letter < pointer, `the letter (${letter}) before the click (${pointer})`);
  await arrived(page, pressed("語"));
  await focused(page, FIELD);
  await conclude(page);
});

test("a dead key and a letter are one letter", async () => {
  const { page, input, press } = await openTyping();
  // As where the browser composes it, on a Mac and in Firefox.
  await press("rawKeyDown", "Dead", "Equal", 187);
  await compose(input, "´");
  await press("keyUp", "Dead", "Equal", 187);
  await press("rawKeyDown", "e", "KeyE", 229);
  await input("insertText", { text: "é" });
  await press("keyUp", "e", "KeyE", 69);
  await arrived(page, pressed("é"));
  // As where the system does, and only the letter's key has the text: Chrome on Windows.
  await press("rawKeyDown", "Dead", "Equal", 221);
  await press("keyUp", "Dead", "Equal", 221);
  await press("rawKeyDown", "Shift", "ShiftLeft", 16, { modifiers: 8 });
  await press("keyDown", "E", "KeyE", 69, { text: "É", modifiers: 8 });
  await press("keyUp", "E", "KeyE", 69, { modifiers: 8 });
  await press("keyUp", "Shift", "ShiftLeft", 16);
  await arrived(page, ["+ffe1", ...pressed("É"), "-ffe1"]);
  // What follows is a key like any other; so is one that makes no letter.
  await page.keyboard.press("e");
  await press("rawKeyDown", "Dead", "Equal", 221);
  await press("keyUp", "Dead", "Equal", 221);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Control+c");
  await arrived(page, ["+65", "-65", "+ff51", "-ff51", "+ffe3", "+63", "-63", "-ffe3"]);
  await conclude(page);
});

test("AltGr and Option write the third letter of a key", async () => {
  const [CTRL, ALT] = [2, 1];
  const german = async ({ press }, modifiers) => {
    for (const [key, code, keyCode] of [
      ["@", "KeyQ", 81],
      ["€", "KeyE", 69],
    ]) {
      await press("keyDown", key, code, keyCode, { text: key, modifiers });
      await press("keyUp", key, code, keyCode, { modifiers });
    }
  };
  const letters = ["+40", "-40", "+20ac", "-20ac"];

  const linux = await openTyping();
  await linux.press("rawKeyDown", "AltGraph", "AltRight", 225);
  await german(linux, 0);
  await linux.press("keyUp", "AltGraph", "AltRight", 225);
  await arrived(linux.page, ["+fe03", ...letters, "-fe03"]);
  await conclude(linux.page);

  // Windows says Control and Alt at once.
  const windows = await openTyping({ platform: "Win32" });
  await Promise.all([
    windows.press("rawKeyDown", "Control", "ControlLeft", 17, { modifiers: CTRL }),
    windows.press("rawKeyDown", "AltGraph", "AltRight", 18, { modifiers: CTRL | ALT }),
  ]);
  await german(windows, CTRL | ALT);
  await windows.press("keyUp", "Control", "ControlLeft", 17, { modifiers: ALT });
  await windows.press("keyUp", "AltGraph", "AltRight", 18);
  await arrived(windows.page, ["+fe03", ...letters, "-fe03"]);
  await conclude(windows.page);

  const mac = await openTyping({ platform: "MacIntel" });
  await mac.press("rawKeyDown", "Alt", "AltLeft", 18, { modifiers: ALT });
  await german(mac, ALT);
  await mac.press("keyUp", "Alt", "AltLeft", 18);
  await arrived(mac.page, ["+ff7e", ...letters, "-ff7e"]);
  await conclude(mac.page);
});

test("keys are sent once, held as long as they are held, and letters of no key arrive too", async () => {
  const { page, press, input } = await openTyping();
  await page.keyboard.down("w");
  await page.keyboard.down("w");
  await arrived(page, ["+77", "+77"]);
  await page.keyboard.up("w");
  await page.keyboard.press("Shift+A");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Control+k");
  await arrived(page, ["-77", "+ffe1", "+41", "-41", "-ffe1", "+ff0d", "-ff0d", "+ffe3", "+6b", "-6b", "-ffe3"]);
  await press("keyDown", "😀", "", 0, { text: "😀" });
  await press("keyUp", "😀", "", 0);
  await input("insertText", { text: "日é\n" });
  await arrived(page, [...pressed("😀日é"), "+ff0d", "-ff0d"]);
  await conclude(page);
});

test("what is pasted is not typed, and what was typed can't be brought back", async () => {
  const { page, press } = await openTyping();
  await page.evaluate(() => navigator.clipboard.writeText("rm -rf\n"));
  // As the browser's menu does: no key of the screen's.
  const choose = (command) => press("rawKeyDown", "Process", "", 229, { commands: [command] });
  await choose("paste");
  await page.keyboard.insertText("secret");
  await choose("undo");
  await arrived(page, pressed("secret"));
  await conclude(page);
});

test("a tap shows no keyboard of a phone's, and a click leaves it to the system", async () => {
  const { page, input } = await openTyping();
  await page.locator(`${FIELD}:focus:not([inputmode])`).waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await input("dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x: 500, y: 400 }] });
  await input("dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await page.locator(`${FIELD}:focus[inputmode=none]`).waitFor();
  await page.mouse.click(500, 400);
  await page.locator(`${FIELD}:focus:not([inputmode])`).waitFor();
  await conclude(page);
});

/** The screen's connections end when `window.away` is set and `window.leave` called, and fail until it is not. */
const breakable = (page) =>
  page.addInitScript(() => {
    const open = [];
    window.WebSocket = new Proxy(window.WebSocket, {
      construct(Real, [url, protocols]) {
        const socket = new Real(window.away ? url.replace("/screen", "/nowhere") : url, protocols);
        if (url.includes("/screen")) open.push(socket);
        return socket;
      },
    });
    window.leave = () => open.forEach((socket) => socket.close());
  });

test("what is typed while the screen is away is told and not sent later", async () => {
  const { page } = await openTyping({ first: breakable });
  await page.evaluate(() => {
    window.away = true;
    window.leave();
  });
  await page.locator("rolltop-screen[data-status=silent]").waitFor();
  await page.keyboard.press("x");
  assert.equal(await page.locator("rolltop-screen").getAttribute("data-status"), "reconnecting");
  await page.keyboard.insertText("日");
  await page.evaluate(() => (window.away = false));
  await page.locator(SCREEN).waitFor();
  await arrived(page, []);
  await focused(page, FIELD);
  await page.keyboard.press("y");
  await arrived(page, ["+79", "-79"]);
  await conclude(page);
});

test("a screen that comes with a change of the page is typed on too", async () => {
  const { page, input } = await openTyping();
  await page.getByRole("button", { name: "Suspend" }).click();
  await page.getByRole("heading", { name: "Suspended" }).waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.locator(SCREEN).click();
  await focused(page, FIELD);
  await keys(page);
  await compose(input, "に");
  await input("insertText", { text: "日" });
  await page.keyboard.press("a");
  await arrived(page, [...pressed("日"), "+61", "-61"]);
  await conclude(page);
});
