// The documentation: found as one types, read without a script, copied from, by keyboard and on a phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SIZES, openPage, startBrowser, startPlatform } from "./support.mjs";

let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startPlatform(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("typing finds, and a found place is gone to by keyboard", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.locator("nav.rail").getByRole("link", { name: "Docs" }).click();
  await page.locator("#docs-query").pressSequentially("known_ho");
  const found = page.locator("#docs-found a").first();
  await found.waitFor();
  assert.match(await found.textContent(), /Knowing whom you speak to/);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/docs/ssh#knowing-whom-you-speak-to");
  const top = await page
    .locator("#knowing-whom-you-speak-to")
    .evaluate((heading) => heading.getBoundingClientRect().top);
  const bar = await page.locator(".topline").evaluate((line) => line.getBoundingClientRect().bottom);
  assert.ok(top >= bar, `the heading is at ${top}, under the bar that ends at ${bar}`);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("without a script the form finds and pages read", async () => {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${server.url}/docs`);
  await page.locator("#docs-query").fill("upload");
  await page.locator("#docs-query").press("Enter");
  await page.waitForURL("**/docs/search?q=upload");
  await page.locator(".docs-body .docs-results a").first().click();
  await page.waitForURL("**/docs/files**");
  assert.equal(await page.locator("h1").textContent(), "Files");
  await context.close();
});

test("a block of code is copied as it is written", async () => {
  const page = await openPage(browser, server.url, { signedIn: false });
  await page.visit("/docs/ssh");
  await page.getByRole("button", { name: "Copy code 1", exact: true }).click();
  await page.locator(".toast").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok(copied.startsWith("ssh -J rolltop@HOST:2222 desk@NAME hostname\nscp "), copied);
  assert.ok(!copied.endsWith("\n"));
  await page.context().close();
});

test("the palette offers pages and headings", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.keyboard.press("Control+k");
  await page.locator("#palette [role=menuitem]").first().waitFor();
  await page.keyboard.type("jump host does");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/docs/ssh#what-the-jump-host-does");
  await page.context().close();
});

test("on a phone nothing is wider than the screen, and contents open", async () => {
  const page = await openPage(browser, server.url, { signedIn: false, size: SIZES.phone });
  for (const path of ["/docs", "/docs/ssh", "/docs/operating", "/docs/files", "/docs/search?q=key"]) {
    await page.visit(path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= SIZES.phone.width, `${path} is ${width} px wide`);
  }
  await page.visit("/docs/ssh");
  await page.locator(".docs-menu summary").click();
  await page.locator(".docs-menu").getByRole("link", { name: "Files" }).click();
  await page.waitForURL("**/docs/files");
  await page.context().close();
});
