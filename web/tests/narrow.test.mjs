// No page scrolls sideways: not on the narrowest phone, a tablet, nor a laptop at 200 %.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { desktopPath, openPage, startBrowser, startPlatform } from "./support.mjs";

const PAGES = [
  "/desktops",
  "/desktops?view=table",
  "/desktops?q=nothing-like-it",
  "/snapshots",
  "/ssh-keys",
  "/api-keys",
  "/login/device",
  "/host",
  "/account/password",
  "/docs",
  "/docs/ssh",
  "/docs/files",
  "/docs/operating",
  "/docs/terminal",
  "/docs/api",
  "/docs/api/desktops",
  "/docs/search?q=key",
];
const STATES = [
  "research",
  "invoices-2026",
  "folio",
  "almanac",
  "sextant",
  "lamp",
  "atlas-of-remote-islands-and-other-places",
];
const DIALOGS = ["sleep/edit", "hold", "schedule/edit", "size", "template", "setup/edit", "ask/delete", "ask/snapshot"];
const WIDTHS = [320, 390, 650, 720, 768, 860];
let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startPlatform({ furnished: true }), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What sticks out at each width, named by what it is; parts that scroll by themselves are no page. */
async function tooWide(page, what) {
  const found = [];
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 });
    const wide = await page.evaluate(() => {
      const [seen, room] = [[], document.documentElement.clientWidth];
      if (document.documentElement.scrollWidth <= room) return seen;
      for (const element of document.body.querySelectorAll("*")) {
        if (element.getBoundingClientRect().right > room + 1)
          seen.push(`${element.tagName}.${element.className}#${element.id}`);
      }
      return [`${document.documentElement.scrollWidth}`, ...seen.slice(0, 4)];
    });
    if (wide.length > 0) found.push(`${what} at ${width}: ${wide.join(" ")}`);
    const frames = await page.evaluate(() =>
      [...document.querySelectorAll(".table-frame, dialog[open] .dialog-box, .content")]
        .filter((frame) => frame.checkVisibility() && frame.scrollWidth > frame.clientWidth + 1)
        .map((frame) => `${frame.className} ${frame.scrollWidth} in ${frame.clientWidth}`),
    );
    if (frames.length > 0) found.push(`${what} at ${width}: ${frames.join(" ")}`);
  }
  return found;
}

test("pages", async () => {
  const page = await openPage(browser, server.url);
  const found = [];
  for (const path of PAGES) {
    await page.visit(path);
    found.push(...(await tooWide(page, path)));
  }
  assert.deepEqual(found, []);
  await page.context().close();
});

test("pages of those who are not signed in", async () => {
  const page = await openPage(browser, server.url, { signedIn: false });
  const found = [];
  for (const path of ["/sign-in", "/welcome/lnk_first", "/nowhere", "/docs"]) {
    await page.visit(path);
    found.push(...(await tooWide(page, path)));
  }
  assert.deepEqual(found, []);
  await page.context().close();
});

test("a desktop in every state, each tab of its panel and its dialogs", async () => {
  const page = await openPage(browser, server.url);
  const found = [];
  for (const name of STATES) {
    await page.visit("/desktops");
    await page.visit(await desktopPath(page, name));
    found.push(...(await tooWide(page, name)));
  }
  await page.visit("/desktops");
  const path = await desktopPath(page, "research");
  for (const tab of ["terminal", "files", "ports", "activity", "settings"]) {
    await page.setViewportSize({ width: 1000, height: 800 });
    await page.visit(`${path}?${tab}#${tab}`);
    await page.locator(`#panel-${tab}`).waitFor();
    found.push(...(await tooWide(page, tab)));
  }
  await page.setViewportSize({ width: 1000, height: 800 });
  for (const address of [
    ...DIALOGS.map((what) => `${path}/${what}`),
    "/desktops/new",
    "/api-keys/new",
    "/ssh-keys/new",
  ]) {
    await page.evaluate((at) => window.htmx.ajax("GET", at, { target: "#dialog", swap: "innerHTML" }), address);
    await page.locator("dialog[open] .dialog-box").waitFor();
    found.push(...(await tooWide(page, address)));
    await page.evaluate(() => document.querySelector("dialog[open]").close());
  }
  assert.deepEqual(found, []);
  await page.context().close();
});

test("the bar under the screen holds all it may say at once, in each language", async () => {
  for (const language of ["en-GB", "fr-FR"]) {
    const page = await openPage(browser, server.url, { language });
    await page.visit("/desktops");
    await page.visit(await desktopPath(page, "research"));
    await page.locator("rolltop-screen canvas").waitFor();
    const found = [];
    for (let width = 320; width <= 1400; width += 20) {
      await page.setViewportSize({ width, height: 800 });
      const over = await page.evaluate(() => {
        document.querySelector("rolltop-screen textarea").focus();
        document.querySelector("[data-latency]").textContent = "12345 ms";
        const bar = document.getElementById("screen-bar");
        const shown = [...bar.querySelectorAll(".btn, .latency, .leave-hint")].filter((part) => part.checkVisibility());
        const right = Math.max(...shown.map((part) => part.getBoundingClientRect().right));
        return Math.max(right - bar.getBoundingClientRect().right, bar.scrollWidth - bar.clientWidth);
      });
      if (over > 1) found.push(`${width}: ${over}`);
    }
    assert.deepEqual(found, [], language);
    await page.context().close();
  }
});
