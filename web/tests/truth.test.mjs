// What dialogs, lists and toasts say is so: nothing is promised that was not done or is not there.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { desktopPath, deviceCode, openPage, startBrowser, startPlatform } from "./support.mjs";

let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startPlatform({ furnished: true, copies: true }), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function settings(page, name) {
  await page.visit("/desktops");
  await page.visit(await desktopPath(page, name));
  await page.locator("#tab-settings").click();
}

test("saving when it sleeps says what was saved", async () => {
  const page = await openPage(browser, server.url);
  await settings(page, "invoices-2026");
  const sleep = page.locator("#sleep");
  const dialog = page.locator("#sleep-policy");
  await sleep.getByText("It never sleeps by itself.").waitFor();
  await sleep.getByRole("button", { name: "Change…" }).click();
  await dialog.getByLabel("Sleep after").check();
  const minutes = dialog.getByRole("spinbutton", { name: "minutes without use" });
  for (const wrong of ["0", "10081", "", "1.5"]) {
    await minutes.fill(wrong);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("Minutes are a whole number from 1 to 10,080.").waitFor();
    assert.equal(await minutes.inputValue(), wrong);
    // The next answer is told from this one.
    await minutes.fill("5");
    await dialog.getByRole("alert").evaluate((alert) => alert.remove());
  }
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.locator(".toast", { hasText: "It sleeps by this from now on." }).waitFor();
  await sleep.getByRole("button", { name: "Change…" }).click();
  await dialog.getByLabel("Sleep after").uncheck();
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.locator(".toast", { hasText: "It never sleeps by itself from now on." }).waitFor();
  await sleep.getByText("It never sleeps by itself.").waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("copies off the host are offered only where there is a place for them", async () => {
  const bare = await startPlatform({ furnished: true });
  for (const [where, offered] of [
    [server, true],
    [bare, false],
  ]) {
    const page = await openPage(browser, where.url);
    await settings(page, "research");
    await page.locator("#schedule").getByRole("button", { name: "Change…" }).click();
    const dialog = page.locator("#snapshot-schedule");
    await dialog.getByLabel("Take snapshots by themselves").check();
    assert.equal(await dialog.getByLabel("Copy each off this host too").count(), offered ? 1 : 0);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
  // One that was set while there was a place can still be taken back, and is not said to be done.
  const page = await openPage(browser, bare.url);
  await settings(page, "lamp");
  const schedule = page.locator("#schedule");
  await schedule.getByText("no place for copies is configured on this host").waitFor();
  await schedule.getByRole("button", { name: "Change…" }).click();
  await page.locator("#snapshot-schedule").getByLabel("Copy each off this host too").uncheck();
  await page.locator("#snapshot-schedule").getByRole("button", { name: "Save" }).click();
  await schedule.getByText("no place for copies").waitFor({ state: "detached" });
  await page.context().close();
  await bare.stop();
});

test("the count above the list is of what the list shows", async () => {
  const page = await openPage(browser, server.url);
  // A page looks once more when it has opened.
  const again = page.waitForResponse(
    (answer) => answer.request().headers()["hx-request"] === "true" && answer.url().endsWith("/desktops?view=table"),
  );
  await page.visit("/desktops?view=table");
  await again;
  const count = page.locator(".filters > .quiet");
  // What is being deleted is listed until it is gone, and counts no more.
  const going = await page.locator(".desktop-row", { hasText: "Deleting" }).count();
  const rows = (await page.locator(".desktop-row").count()) - going;
  assert.equal(await count.innerText(), `${rows} desktops`);
  await page.getByRole("searchbox", { name: "Find by name or label" }).fill("nothing-like-it");
  await page.getByRole("heading", { name: "Nothing matches" }).waitFor();
  assert.equal(await count.innerText(), `0 of ${rows} desktops`);
  await page.getByRole("link", { name: "Show all" }).click();
  await page.locator(".desktop-row").first().waitFor();
  await page.getByRole("link", { name: "Suspended" }).click();
  await page.locator("[aria-current=true]", { hasText: "Suspended" }).waitFor();
  assert.equal(await count.innerText(), `1 of ${rows} desktops`);
  assert.deepEqual(await page.locator(".desktop-row .name").allInnerTexts(), [
    "atlas-of-remote-islands-and-other-places",
  ]);
  await page.context().close();
});

test("keys offer no permission for what is not there yet", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/api-keys");
  assert.doesNotMatch(await page.locator("#api-keys").innerText(), /task/i);
  await page.getByRole("button", { name: "New API key" }).click();
  await page.locator("#preset-custom").check();
  await page.locator("#scope-exec").waitFor();
  assert.doesNotMatch(await page.locator("#make-key").innerText(), /task/i);
  await page.visit("/login/device");
  await page.locator("#device-code").fill(await deviceCode(page));
  await page.keyboard.press("Enter");
  await page.locator(".decision").waitFor();
  assert.doesNotMatch(await page.locator(".decision").innerText(), /task/i);
  await page.context().close();
});

test("another password takes the present one", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/account/password");
  const fill = async (present) => {
    await page.getByLabel("Present password").fill(present);
    await page.getByLabel("New password").fill("another walnut desk");
    await page.getByLabel("The same again").fill("another walnut desk");
    await page.getByRole("button", { name: "Change" }).click();
  };
  await fill("not it at all");
  await page.locator("#present[aria-invalid=true]").waitFor();
  await page.getByText("This is not your present password.").waitFor();
  await fill("a walnut desk");
  await page.waitForURL((url) => url.pathname === "/desktops");
  await page.context().close();
});
