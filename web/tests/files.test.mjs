// Files in the panel: nothing written is lost, paths are taken as people write them, and what is done with many
// shows how far it is.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { desktopPath, openPage, startBrowser, startPlatform } from "./support.mjs";

let server, browser, page, path;

before(async () => {
  [server, browser] = await Promise.all([startPlatform({ desktops: ["research"] }), startBrowser()]);
  await server.wish("put-files", { desktop: "research" });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  page = await openPage(browser, server.url);
  await page.visit("/desktops");
  path = await desktopPath(page, "research");
  await page.visit(`${path}#files`);
  await row("notes.txt").waitFor();
});
afterEach(async () => {
  // Leaving a page ends what it was fetching.
  assert.deepEqual(
    page.complaints.filter((said) => !/Failed to fetch/.test(said)),
    [],
  );
  await page.context().close();
});

const row = (name) => page.locator("rolltop-files tbody tr", { has: page.getByText(name, { exact: true }) });
const field = () => page.getByRole("textbox", { name: "Folder" });
const names = () => page.locator("rolltop-files tbody bdi").allInnerTexts();
const go = async (where) => {
  await field().fill(where);
  await page.keyboard.press("Enter");
};
/** What changes files takes a moment, so that what is under way can be seen. */
const dawdle = () =>
  page.route(/\/files(\/content)?\?/, async (route) => {
    if (route.request().method() !== "GET") await new Promise((done) => setTimeout(done, 150));
    await route.continue();
  });
const ticked = () => page.locator("rolltop-files tbody input:checked").count();

test("what was written and not saved is asked for and comes back", async () => {
  await row("notes.txt").getByRole("button").click();
  const text = page.getByLabel("Text of the file");
  await text.fill("written for an hour");
  const asked = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    void dialog.accept();
  });
  await page.getByRole("link", { name: "Snapshots" }).click();
  await page.getByRole("heading", { level: 1, name: "Snapshots" }).waitFor();
  assert.deepEqual(asked, ["beforeunload"]);
  await page.visit(`${path}#files`);
  await page.waitForFunction(() => document.querySelector(".files-preview textarea").value === "written for an hour");
  await page.locator(".toast", { hasText: "What you had not saved of notes.txt is back." }).waitFor();
  // Nor is it lost where the page is left again before the file has come.
  let held;
  const holding = new Promise((done) => (held = done));
  await page.route(/\/files\/content\?/, (route) => (route.request().method() === "GET" ? held() : route.continue()));
  await page.visit(`${path}?held#files`);
  await holding;
  await page.unroute(/\/files\/content\?/);
  await page.visit(`${path}?then#files`);
  await page.waitForFunction(() => document.querySelector(".files-preview textarea").value === "written for an hour");
  // A desktop that stops takes its panel away, and no text.
  await text.fill("written for two hours");
  await page.evaluate(() => document.querySelector("rolltop-files").remove());
  await page.evaluate(() => new Promise((done) => setTimeout(done)));
  asked.splice(0);
  await page.visit(`${path}?again#files`);
  await page.waitForFunction(() => document.querySelector(".files-preview textarea").value === "written for two hours");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.locator(".toast", { hasText: "notes.txt is saved." }).waitFor();
  await page.getByRole("button", { name: "Back to the folder" }).click();
  await page.reload();
  await row("notes.txt").waitFor();
  assert.equal(await page.locator(".files-preview").isHidden(), true, "what is saved is no draft");
  assert.deepEqual(asked, []);
});

test("the path is that of the rows, and is taken as people write it", async () => {
  for (const [typed, there, first] of [
    ["work", "/home/desk/work", "todo.txt"],
    ["..", "/home/desk", "notes.txt"],
    ["~/many", "/home/desk/many", "01.txt"],
    ["../work/./", "/home/desk/work", "todo.txt"],
    ["~", "/home/desk", "plan.txt"],
  ]) {
    await go(typed);
    await row(first).waitFor();
    assert.equal(await field().inputValue(), there, typed);
  }
  await go("/nowhere");
  await page.locator(".toast", { hasText: "/nowhere: There is no such file." }).waitFor();
  assert.equal(await field().inputValue(), "/home/desk");
  assert.ok((await names()).includes("notes.txt"));
});

test("many are picked at once, and how far their deletion is shows and can be stopped", async () => {
  await dawdle();
  await go("~/many");
  await row("12.txt").waitFor();
  await row("02.txt").getByRole("checkbox").click();
  await row("05.txt")
    .getByRole("checkbox")
    .click({ modifiers: ["Shift"] });
  assert.equal(await ticked(), 4);
  const all = page.getByRole("checkbox", { name: "Pick all" });
  assert.equal(await all.evaluate((box) => box.indeterminate), true);
  await all.check();
  assert.equal(await ticked(), 13);
  await page.getByText("13 picked").waitFor();
  await all.uncheck();
  assert.equal(await ticked(), 0);
  await all.check();
  const remove = async () => {
    await page.locator(".files-actions [data-do=delete]").click();
    await page.locator("dialog[open]").getByRole("button", { name: "Delete" }).click();
  };
  await remove();
  await page.getByText("Deleting 2 of 13").waitFor();
  await page.locator(".files-busy").getByRole("button", { name: "Cancel" }).click();
  await page.locator(".files-busy").waitFor({ state: "hidden" });
  await row("01.txt").waitFor({ state: "detached" });
  const left = (await names()).length;
  assert.ok(left > 1 && left < 13, `${left} are left`);
  // One that can't be deleted is named, and keeps no other.
  await all.check();
  await remove();
  await page.locator(".toast", { hasText: "locked: The desktop's user may not do this." }).waitFor();
  await row("12.txt").waitFor({ state: "detached" });
  assert.deepEqual(await names(), ["locked"]);
});

test("uploads are counted, and stopped all together", async () => {
  await dawdle();
  const file = (name) => ({ name, mimeType: "text/plain", buffer: Buffer.from("text") });
  const many = (word) => Array.from({ length: 30 }, (_, index) => file(`${word}-${index}.txt`));
  await page.locator("rolltop-files input[type=file]").setInputFiles(many("first"));
  const bar = page.locator(".files-uploads-bar");
  await bar.getByText(/^[1-9]\d? of 30 uploaded$/).waitFor();
  await bar.getByRole("button", { name: "Cancel all" }).click();
  await bar.waitFor({ state: "hidden" });
  assert.equal(await page.locator(".files-uploads li").count(), 0);
  await row("first-0.txt").waitFor();
  assert.equal(await row("first-29.txt").count(), 0);
});
