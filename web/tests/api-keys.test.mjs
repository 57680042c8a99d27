// API keys: making one by keyboard, the token shown once, revoking; and allowing a device.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { deviceCode, openPage, startBrowser, startPlatform } from "./support.mjs";

let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startPlatform(), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const row = (page, name) => page.locator("#api-keys tbody tr", { hasText: name });

test("a key is made, shown once and revoked without a reload", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/ssh-keys");
  await page.getByRole("link", { name: "API keys" }).click();
  await page.getByRole("heading", { level: 1, name: "API keys" }).waitFor();
  await page.evaluate(() => (window.untouched = true));
  await page.getByRole("button", { name: "New API key" }).click();
  await page.locator("#api-key-name:focus").waitFor();
  await page.keyboard.press("Enter");
  await page.locator("#api-key-name[aria-invalid=true]").waitFor();
  await page.locator("#api-key-name").fill("robot");
  assert.equal(await page.locator("#scope-exec").isVisible(), false, "single permissions are for who chooses them");
  await page.locator("#preset-custom").check();
  const ticked = page.locator("input[name=scope]:checked");
  while ((await ticked.count()) > 0) await ticked.first().uncheck();
  await page.locator("#make-key button[type=submit]").click();
  await page.locator("p.problem", { hasText: "at least one" }).waitFor();
  assert.equal(await page.locator("#api-key-name").inputValue(), "robot", "nothing typed is lost");
  await page.getByLabel("Read files files:read").check();
  await page.getByLabel("Run commands exec").check();
  await page.locator("#api-key-days").selectOption("0");
  await page.locator("#make-key button[type=submit]").click();

  const token = await page.locator("#new-token").innerText();
  assert.match(token, /^rt_[0-9A-Za-z]{38}$/);
  await page.getByRole("button", { name: "Copy: API key" }).click();
  await page.locator(".toast", { hasText: "Copied." }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), token);
  await page.mouse.click(5, 5);
  assert.equal(await page.locator("#new-token").isVisible(), true, "a click beside it does not lose it");
  await page.getByRole("button", { name: "Done" }).click();
  await page.locator("dialog[open]").waitFor({ state: "detached" });
  assert.equal((await page.content()).includes(token), false, "it is nowhere any more");
  await row(page, "robot").locator("td.secondary").getByText("exec").waitFor();

  await row(page, "robot").getByRole("button", { name: "Revoke" }).click();
  await page.locator("dialog[open]").getByRole("button", { name: "Revoke key" }).click();
  await row(page, "robot").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => window.untouched), true, "the page was not loaded again");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a device is shown for what it is before it is allowed, and a link alone does nothing", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  const code = await deviceCode(page);
  const typed = code.toLowerCase();
  await page.visit(`/login/device?code=${code}&user_code=${code}`);
  assert.equal(await page.locator("#device-code").inputValue(), "", "a code comes from a person");
  await page
    .locator("#device-code")
    .fill(typed.endsWith("x") ? "bcdf ghjk" : `${typed.slice(0, -1).replace("-", " ")}x`);
  await page.keyboard.press("Enter");
  await page.locator("#device-code[aria-invalid=true]").waitFor();
  await page.locator("#device-code").fill(typed);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Sign in rolltop on laptop?" }).waitFor();
  for (const text of ["127.0.0.1", code, "Run commands", "Make and remove keys", "sam"]) {
    assert.equal(await page.locator("main").getByText(text).first().isVisible(), true, text);
  }
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByRole("heading", { name: "The device is signed in" }).waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("who is not signed in comes to the device's page after signing in", async () => {
  const page = await openPage(browser, server.url, { signedIn: false });
  await page.visit("/login/device");
  await page.locator("#name").fill("sam");
  await page.locator("#password").fill("a walnut desk");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Sign in a device" }).waitFor();
  await page.context().close();
});
