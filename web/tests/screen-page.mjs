// A desktop's page with its screen connected, and what goes out from there.
import { desktopPath, openPage } from "./support.mjs";

export const SCREEN = "rolltop-screen[data-status=connected] canvas:not(.last-frame)";
/** Where the keys go while the screen has them. */
export const FIELD = "rolltop-screen textarea";

export async function openScreen(browser, url, { before = () => undefined, ...options } = {}) {
  const page = await openPage(browser, url, options);
  await page.visit("/desktops");
  await before(page);
  await page.visit(await desktopPath(page, "research"));
  await page.locator(SCREEN).waitFor();
  return page;
}

export const focused = (page, selector) =>
  page.waitForFunction((wanted) => document.activeElement?.matches(wanted), selector);

/** Waits until a text of this length is on the clipboard of a desktop's screen. */
export async function clipboardHas(server, desktop, length) {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    if ((await server.wish("clipboard-length", { desktop })) === length) return;
  }
  throw new Error(`no text of ${length} letters has come`);
}

/** Makes the browser say it runs on another system: "MacIntel", "Win32". */
export const pretend = (page, platform) =>
  page.addInitScript((name) => Object.defineProperty(Navigator.prototype, "platform", { get: () => name }), platform);

/** What a screen's VNC server is sent, message by message as noVNC writes them. */
export function listening(page) {
  return page.addInitScript(() => {
    window.sent = [];
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) {
      if (typeof data !== "string" && this.url.includes("/screen")) window.sent.push([...new Uint8Array(data)]);
      return send.call(this, data);
    };
  });
}

/** Keys that went out since the last time, as "+65" and "-65". */
export const keys = (page) =>
  page.evaluate(() => {
    const said = window.sent.splice(0).flatMap((bytes) => {
      const found = [];
      for (let at = 0; at + 8 <= bytes.length && bytes[at] === 4; at += 8) {
        const keysym = bytes.slice(at + 4, at + 8).reduce((sum, byte) => sum * 256 + byte, 0);
        found.push(`${bytes[at + 1] ? "+" : "-"}${keysym.toString(16)}`);
      }
      return found;
    });
    return said;
  });
