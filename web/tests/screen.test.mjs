// The desktop's page under a person's hands: its keys, its drops, its connection.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { desktopPath, openPage, startBrowser, startServer } from "./support.mjs";

let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const SCREEN = "rolltop-screen[data-status=connected] canvas:not(.last-frame)";

async function openDesktop({ before = () => undefined, ...options } = {}) {
  const page = await openPage(browser, server.url, options);
  await page.visit("/desktops");
  await before(page);
  await page.visit(await desktopPath(page, "research"));
  await page.locator(SCREEN).waitFor();
  return page;
}

const focused = (page, selector) => page.waitForFunction((wanted) => document.activeElement?.matches(wanted), selector);

async function leave(page) {
  for (const key of ["Control", "Alt", "Shift"]) await page.keyboard.down(key);
  for (const key of ["Shift", "Alt", "Control"]) await page.keyboard.up(key);
}

test("the screen is left by keys, which are said while it has them", async () => {
  const page = await openDesktop();
  const hint = page.locator("#screen-leave");
  await page.locator(SCREEN).focus();
  await hint.waitFor();
  assert.equal(await page.locator(SCREEN).getAttribute("aria-describedby"), "screen-leave");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Control+Alt+Shift+F2");
  await page.keyboard.press("Control+k");
  await focused(page, SCREEN);
  assert.equal(await page.locator("dialog[open]").count(), 0, "Ctrl K is the desktop's there");
  await leave(page);
  await focused(page, "#screen-bar button");
  await hint.waitFor({ state: "hidden" });
  await page.keyboard.press("Shift+Tab");
  await focused(page, SCREEN);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a terminal is left by the same keys", async () => {
  const page = await openDesktop();
  await page.locator("#tab-terminal").click();
  await page.locator(".terminal-place textarea").focus();
  await page.locator("#terminal-leave").waitFor();
  await page.keyboard.press("Tab");
  await focused(page, ".terminal-place textarea");
  await leave(page);
  await focused(page, ".terminal-tab button");
  await page.locator("#terminal-leave").waitFor({ state: "hidden" });
  await page.context().close();
});

test("Ctrl K is switched off for good in this browser", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.locator("#account-button").click();
  await page.getByRole("menuitemcheckbox", { name: "Ctrl K opens search" }).click();
  for (const again of [false, true]) {
    if (again) await page.reload();
    await page.keyboard.press("Control+k");
    assert.equal(await page.locator("dialog[open]").count(), 0);
    await page.locator(".search-button:not([aria-keyshortcuts]) kbd").waitFor({ state: "hidden" });
  }
  await page.locator("[data-open-palette]").click();
  await page.locator("#palette [role=menuitem]").first().waitFor();
  await page.context().close();
});

test("a dialog begins at its first field, and one that destroys at its way out", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  const path = await desktopPath(page, "research");
  await page.visit(path);
  const cases = [
    [`${path}/ask/rename`, "#rename-name"], [`${path}/size`, "input"], [`${path}/sleep/edit`, "input"], [`${path}/template`, "input"],
    [`${path}/ask/delete`, "[data-close]"], ["/desktops/new", "#new-name"], ["/ssh-keys/new", "input, textarea"], ["/api-keys/new", "#api-key-name"],
  ];
  for (const [address, wanted] of cases) {
    await page.evaluate((from) => window.htmx.ajax("GET", from, { target: "#dialog", swap: "innerHTML" }), address);
    await page.locator("dialog[open] .dialog-box").waitFor();
    assert.ok(await page.evaluate((field) => document.activeElement.closest("dialog") && document.activeElement.matches(field), wanted),
      `${address} begins at ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 120))}`);
    await page.keyboard.press("Escape");
    await page.locator("dialog[open]").waitFor({ state: "detached" });
  }
  await page.context().close();
});
