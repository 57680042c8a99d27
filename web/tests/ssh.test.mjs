// SSH keys: adding by keyboard, what a pasted private key is told, removing; and the line to copy.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { desktopPath, openPage, startBrowser, startPlatform } from "./support.mjs";

let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startPlatform({ desktops: ["research", "lamp", "almanac"] }), startBrowser()]);
  await server.wish("turn-off", { desktop: "almanac" });
  await server.wish("add-ssh-keys");
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN";
const row = (page, name) => page.locator("#ssh-keys tbody tr", { hasText: name });

test("a key is added and removed without a reload, and a private one is not sent back", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.getByRole("link", { name: "Keys", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "SSH keys" }).waitFor();
  await page.evaluate(() => (window.untouched = true));
  await page.getByRole("button", { name: "Add key" }).click();
  await page.locator("#key-public:focus").waitFor();
  await page.keyboard.insertText("-----BEGIN OPENSSH PRIVATE KEY----- b3BlbnNzaC1rZXktdjEA");
  await page.keyboard.press("Enter");
  const field = page.locator("input[name=public_key]");
  await page.locator("input[name=public_key][aria-invalid=true]").waitFor();
  assert.equal(await field.inputValue(), "");
  assert.match(await page.locator(`#${await field.getAttribute("aria-describedby")}`).innerText(), /private key/);
  await field.fill(KEY);
  await page.locator("#key-name").fill("new-laptop");
  await page.keyboard.press("Enter");
  await row(page, "new-laptop").waitFor();
  await page
    .locator(".toast", { hasText: "new-laptop was added. In force in 2 running desktops. 1 that is off follows" })
    .waitFor();

  await row(page, "old-workstation").getByRole("button", { name: "Remove" }).click();
  await page.locator("dialog[open]").getByRole("button", { name: "Remove key" }).click();
  await row(page, "old-workstation").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => window.untouched), true, "the page was not loaded again");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a desktop's page has the line to copy", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  const path = await desktopPath(page, "research");
  await page.visit(path);
  await page.locator("#tab-settings").click();
  const line = await page.locator("#ssh-command").innerText();
  const { jump } = await page.evaluate(async (path) => (await fetch(`/v1${path}/ssh`)).json(), path);
  assert.equal(line, `ssh -J rolltop@${new URL(server.url).hostname}:${jump.port} desk@research`);
  await page.getByRole("button", { name: "Copy: SSH command" }).click();
  await page.locator(".toast", { hasText: "Copied." }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), line);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
