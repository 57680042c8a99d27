// Whole flows in a real browser: by keyboard alone, across two browsers at once, through a
// restart of the server, and the live screen with its clipboard.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { clipboardHas } from "./screen-page.mjs";
import { desktopPath, openPage, startBrowser, startPlatform } from "./support.mjs";

let server, browser;

before(async () => {
  const desktops = ["research", "invoices-2026", "almanac"];
  [server, browser] = await Promise.all([startPlatform({ desktops, copies: true }), startBrowser()]);
  await server.wish("turn-off", { desktop: "almanac" });
  await server.wish("snapshot", { desktop: "research", name: "before the upgrade" });
  await server.wish("add-template", { name: "ubuntu-22.04", title: "Ubuntu 22.04 with XFCE" });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What the platform does meanwhile can be seen. */
async function slowly(work) {
  await server.wish("dawdle", { milliseconds: 700 });
  await work();
  await server.wish("dawdle", { milliseconds: 0 });
}

const card = (page, name) => page.locator(".desktop-card", { has: page.getByRole("link", { name, exact: true }) });

test("signing in, and no script has more than the one cookie to see", async () => {
  const page = await openPage(browser, server.url, { signedIn: false });
  await page.visit("/host");
  await page.getByLabel("Name").fill("sam");
  await page.getByLabel("Password").fill("a walnut desk");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Host" }).waitFor();
  const cookies = await page.context().cookies();
  assert.deepEqual(
    cookies.map(({ name, httpOnly, secure, sameSite }) => ({ name, httpOnly, secure, sameSite })),
    [{ name: "__Host-rolltop", httpOnly: true, secure: true, sameSite: "Lax" }],
  );
  assert.equal(await page.evaluate(() => document.cookie), "");
  await page.context().close();
});

test("a new desktop by keyboard alone, seen by another browser too, with no reload", async () => {
  const [mine, theirs] = await Promise.all([openPage(browser, server.url), openPage(browser, server.url)]);
  await Promise.all([mine.visit("/desktops"), theirs.visit("/desktops")]);
  for (const page of [mine, theirs]) await page.evaluate(() => (window.untouched = true));
  await mine.keyboard.press("Control+k");
  await mine.locator("#palette [role=menuitem]").first().waitFor();
  await mine.keyboard.type("new desk");
  await mine.keyboard.press("Enter");
  await mine.locator("dialog[open] #new-name").waitFor();
  assert.notEqual(await mine.locator("#new-name").inputValue(), "", "a name is suggested");
  await mine.locator("#new-name:focus").waitFor();
  await mine.keyboard.type("by-keyboard");
  const watch = async (page) => {
    await card(page, "by-keyboard").locator(".step").first().waitFor();
    await card(page, "by-keyboard").locator("img[data-shown]").waitFor();
    await card(page, "by-keyboard").getByText("Running").waitFor();
    assert.equal(await page.evaluate(() => window.untouched), true, "the page was not loaded again");
    assert.deepEqual(page.complaints, []);
  };
  const toast = mine.locator(".toast", { hasText: "by-keyboard is being made." }).waitFor();
  await slowly(async () => {
    await mine.keyboard.press("Enter");
    await Promise.all([toast, watch(mine), watch(theirs)]);
  });
  await Promise.all([mine.context().close(), theirs.context().close()]);
});

test("what is wrong is said at the field, and nothing typed is lost", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.getByRole("button", { name: "New desktop" }).click();
  await page.locator("#new-name").fill("Not a name");
  await page.locator("label", { hasText: "Large" }).click();
  await page.getByRole("button", { name: "Create desktop" }).click();
  const field = page.locator("#new-name[aria-invalid=true]");
  await field.waitFor();
  assert.equal(await field.inputValue(), "Not a name");
  assert.ok(await page.locator("#size-l").isChecked());
  const described = await field.getAttribute("aria-describedby");
  assert.match(await page.locator(`#${described}`).innerText(), /may only have a-z/);
  await page.locator("#new-name:focus").waitFor();
  await page.locator("label", { hasText: "Ubuntu" }).click();
  await page.locator("#sizes", { hasNotText: "There in seconds" }).waitFor();
  assert.ok(await page.locator("#size-l").isChecked(), "another template keeps the size");
  assert.equal(await field.inputValue(), "Not a name");
  await page.keyboard.press("Escape");
  await page.locator("dialog[open]:not(#palette)").waitFor({ state: "detached" });
  await page.context().close();
});

test("a desktop is kept and forked, and what was kept is forked and deleted", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.visit(await desktopPath(page, "research"));
  await page.getByRole("button", { name: "Snapshot" }).click();
  await page.locator("#snapshot-name:focus").waitFor();
  await page.keyboard.press("Enter");
  await page.getByText("A snapshot of research is being taken.").waitFor();
  await page.getByRole("button", { name: "Fork" }).click();
  await page.getByText("The fork research-1 is being made.").waitFor();
  await page.getByRole("link", { name: "Snapshots" }).click();
  // Without a name it is called by its time.
  const time = /^\s*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/;
  const row = page.locator("tbody tr", { has: page.locator(".name", { hasText: time }) });
  const name = (await row.locator(".name").innerText()).match(time)[0].trim();
  const choose = async (action) => {
    await row.getByRole("button", { name: `Actions for ${name}` }).click();
    await row.getByRole("menuitem", { name: action }).click();
  };
  await choose("Fork");
  await page.getByText("research-2 is being made.").waitFor();
  await choose("Go back");
  await page.getByRole("heading", { name: "Put research back?" }).waitFor();
  await page.locator("dialog[open]").getByRole("button", { name: "Go back" }).click();
  await page.getByText("research is going back.").waitFor();
  await choose("Delete");
  await page.getByRole("heading", { name: `Delete ${name}?` }).waitFor();
  await page.getByRole("button", { name: "Delete snapshot" }).click();
  await row.waitFor({ state: "detached" });
  await page.context().close();
});

test("start, suspend, resume, stop, rename and delete, each after its dialog where it has one", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.visit(await desktopPath(page, "almanac"));
  await page.getByRole("button", { name: "Start" }).click();
  await page.locator("rolltop-screen[data-status=connected] canvas").first().waitFor();
  await page.getByRole("button", { name: "Suspend" }).click();
  await page.getByRole("heading", { name: "Suspended" }).waitFor();
  await page.locator("img.last-frame[data-shown]").waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.locator("rolltop-screen[data-status=connected] canvas").first().waitFor();
  await page.getByRole("button", { name: "Actions for almanac" }).click();
  await page.getByRole("menuitem", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Stop desktop" }).click();
  await page.getByRole("heading", { name: "Stopped" }).waitFor();
  await page.locator(".toast", { hasText: "almanac is stopping." }).getByRole("button", { name: "Undo" }).click();
  await page.getByText("almanac is being brought back.").waitFor();
  await page.locator("rolltop-screen[data-status=connected] canvas").first().waitFor();
  await page.getByRole("button", { name: "Actions for almanac" }).click();
  await page.getByRole("menuitem", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Stop desktop" }).click();
  await page.getByRole("heading", { name: "Stopped" }).waitFor();
  await page.locator("img.last-frame[data-shown]").waitFor();
  await page.getByRole("button", { name: "Actions for almanac" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.locator("#rename-name").fill("research");
  await page.getByRole("button", { name: "Rename", exact: true }).last().click();
  await page.getByText("There is already a desktop called research").waitFor();
  await page.locator("#rename-name").fill("yearbook");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "yearbook" }).waitFor();
  await page.getByRole("button", { name: "Actions for yearbook" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.locator(".losses", { hasText: "40 MiB written" }).waitFor();
  await page.getByRole("button", { name: "Delete desktop" }).click();
  await page.waitForURL((url) => url.pathname === "/desktops");
  assert.equal(await card(page, "yearbook").count(), 0);
  // It is gone with its page, and one click brings it back.
  const told = page.locator(".toast", { hasText: "yearbook is deleted, and kept for a day." });
  await told.waitFor();
  await page.waitForURL((url) => url.search === "");
  await told.getByRole("button", { name: "Undo" }).click();
  await page.getByText("yearbook is being brought back.").waitFor();
  await card(page, "yearbook").waitFor();
  await card(page, "yearbook").getByRole("button", { name: "Actions for yearbook" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByLabel("Delete for good now").check();
  await page.getByRole("button", { name: "Delete desktop" }).click();
  await page.getByText("yearbook is being deleted.").waitFor();
  assert.equal(
    await page
      .locator(".toast", { hasText: "yearbook is being deleted." })
      .getByRole("button", { name: "Undo" })
      .count(),
    0,
  );
  await card(page, "yearbook").waitFor({ state: "detached" });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("opening a suspended desktop's page wakes it", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.visit(await desktopPath(page, "invoices-2026"));
  await page.locator("rolltop-screen[data-status=connected] canvas").first().waitFor();
  await page.getByRole("button", { name: "Suspend" }).click();
  await page.getByRole("heading", { name: "Suspended" }).waitFor();
  await page.getByRole("button", { name: "Resume" }).waitFor();
  await page.reload();
  await page.locator("rolltop-screen[data-status=connected] canvas").first().waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("when a desktop sleeps is seen and changed, and it is held awake", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await server.wish("sleep", { desktop: "research" });
  await server.wish("work", { percent: 43 });
  await page.visit(await desktopPath(page, "research"));
  await page.locator("#tab-settings").click();
  const sleep = page.locator("#sleep");
  await sleep.getByText("It sleeps after 30 minutes without use.").waitFor();
  await sleep.getByText(/its processors are busy: 4\d% of one/).waitFor();
  await sleep.getByRole("button", { name: "Change…" }).click();
  const dialog = page.locator("#sleep-policy");
  await dialog.getByRole("spinbutton", { name: "minutes without use" }).fill("90");
  await dialog.getByText("Stay awake at these times").click();
  await dialog.getByRole("button", { name: "Save" }).click();
  await sleep.getByText("It sleeps after 90 minutes without use.").waitFor();
  assert.equal(await sleep.getByText("Awake Mon").count(), 0);
  await sleep.getByRole("button", { name: "Change…" }).click();
  await dialog.getByText("Stay awake at these times").click();
  const zone = dialog.getByRole("textbox", { name: "Time zone" });
  assert.notEqual(await zone.inputValue(), "", "the browser's own is proposed");
  for (const day of ["Mon", "Tue", "Wed", "Thu", "Fri"]) await dialog.getByRole("checkbox", { name: day }).uncheck();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("A schedule needs days: mon").waitFor();
  assert.equal(await dialog.getByRole("spinbutton", { name: "minutes without use" }).inputValue(), "90");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await sleep.getByRole("button", { name: "Keep awake…" }).click();
  await page.locator("#hold").getByRole("radio", { name: "4 hours" }).check();
  await page.locator("#hold").getByLabel("What for (optional)").fill("a long download");
  await page.locator("#hold").getByRole("button", { name: "Keep awake…" }).click();
  const held = sleep.locator("li", { hasText: "a long download" });
  await held.getByRole("button", { name: "Let go" }).click();
  await held.waitFor({ state: "detached" });
  await server.wish("work", { percent: 2 });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("snapshots are taken by a schedule that is seen and changed", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.visit(await desktopPath(page, "research"));
  await page.locator("#tab-settings").click();
  const schedule = page.locator("#schedule");
  await schedule.getByText("Snapshots are taken only when somebody asks for one.").waitFor();
  const dialog = page.locator("#snapshot-schedule");
  const change = async (with_) => {
    await schedule.getByRole("button", { name: "Change…" }).click();
    await with_();
    await dialog.getByRole("button", { name: "Save" }).click();
  };
  await change(async () => {
    await dialog.getByLabel("Take snapshots by themselves").check();
    await dialog.getByLabel("Keep the latest").fill("");
  });
  await dialog.getByText("Write whole numbers").waitFor();
  assert.equal(await dialog.getByLabel("Every").inputValue(), "6");
  await dialog.getByLabel("Keep the latest").fill("1000");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("The latest 1 to 100 can be kept.").waitFor();
  await dialog.getByLabel("Keep the latest").fill("3");
  await dialog.getByRole("button", { name: "Save" }).click();
  await schedule.getByText("One is taken every 6 hours while it runs. The latest 3 stay.").waitFor();
  await schedule.getByText("So does the latest of each of 7 days.").waitFor();
  await change(() => dialog.getByLabel("Take snapshots by themselves").uncheck());
  await schedule.getByText("Snapshots are taken only when somebody asks for one.").waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a desktop gets another size", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.visit(await desktopPath(page, "invoices-2026"));
  await page.locator("#tab-settings").click();
  const settings = page.locator("#panel-settings, [role=tabpanel]").last();
  await settings.getByRole("button", { name: "Change size…" }).click();
  const dialog = page.locator("#resize");
  await dialog.getByLabel("Disk").fill("1");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("disks do not shrink").waitFor();
  assert.equal(await dialog.getByLabel("Disk").inputValue(), "1");
  await dialog.getByLabel("Disk").fill("100");
  await dialog.getByRole("radio", { name: /Large/ }).check();
  assert.equal(await dialog.getByLabel("Restart it now").isChecked(), false);
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("invoices-2026 has its new size.").waitFor();
  await page.getByText("It has the processors and memory of before until it is restarted.").waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the screen of a desktop is given a size that stays, and follows again", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  const path = await desktopPath(page, "research");
  await page.visit(path);
  await page.locator("#tab-settings").click();
  const size = page.getByLabel("Size of the screen");
  assert.equal(await size.inputValue(), "follow");
  for (const wanted of ["1920x1080", "follow"]) {
    const saved = page.waitForResponse((answer) => answer.url().endsWith("/settings/choices"));
    await size.selectOption(wanted);
    assert.equal((await saved).status(), 204);
    await page.visit(path);
    await page.locator("#tab-settings").click();
    assert.equal(await size.inputValue(), wanted);
  }
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("labels and a note are given in a list, shown, and lead to the desktops that have them", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await card(page, "research").getByRole("button", { name: "Actions for research" }).click();
  await page.getByRole("menuitem", { name: "Settings" }).click();
  const dialog = page.locator("#choices");
  await dialog.getByLabel("Labels").fill("Team=research");
  await dialog.getByLabel("Note").fill("Ask Ann first.");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("A label's key has 1 to 63").waitFor();
  assert.equal(await dialog.getByLabel("Note").inputValue(), "Ask Ann first.", "nothing is lost");
  await dialog.getByLabel("Labels").fill("team=research, gpu");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("The settings of research are saved.").waitFor();
  await card(page, "research").getByText("gpu, team=research").waitFor();

  // What an agent changes meanwhile stays, as it was not changed here.
  const path = await desktopPath(page, "research");
  await card(page, "research").getByRole("button", { name: "Actions for research" }).click();
  await page.getByRole("menuitem", { name: "Settings" }).click();
  await dialog.getByLabel("Labels").waitFor();
  await page.evaluate(async (path) => {
    const body = JSON.stringify({ labels: { env: "live" }, note: "By the agent." });
    await fetch(`/v1${path}`, { method: "PATCH", headers: { "content-type": "application/json" }, body });
  }, path);
  await dialog.getByLabel("Labels").fill("team=research");
  await dialog.getByRole("button", { name: "Save" }).click();
  await card(page, "research").getByText("env=live, team=research").waitFor();

  await page.visit(await desktopPath(page, "research"));
  await page.locator("#tab-settings").click();
  await page.getByText("By the agent.").waitFor();
  const label = await page.getByRole("link", { name: "team=research" }).getAttribute("href");
  assert.equal(label, "/desktops?label=team%3Dresearch");
  await page.visit(label);
  assert.equal(await page.locator(".desktop-card").count(), 1);
  const all = page.getByRole("link", { name: "Show desktops without team=research again, too" });
  await page.visit(await all.getAttribute("href"));
  await page.locator(".desktop-card").nth(1).waitFor();

  // In the table too, sorted by something.
  await page.visit("/desktops?view=table&sort=name&label=env");
  await page.locator(".desktop-row").getByText("env=live, team=research").waitFor();
  assert.equal(await page.locator(".desktop-row").count(), 1);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a desktop is saved as a template, seen among one's own, and that is deleted", async () => {
  const page = await openPage(browser, server.url);
  await server.wish("log-in", { desktop: "research" });
  await page.visit("/desktops");
  await page.visit(await desktopPath(page, "research"));
  await page.locator("#tab-settings").click();
  await page.getByRole("button", { name: "Save as template…" }).click();
  const dialog = page.locator("#save-template");
  await dialog.getByLabel("Name").fill("Our Tools");
  await dialog.getByLabel("Description").fill("For our reports ");
  // What it will not have is listed before, and some of it can stay.
  await dialog.getByRole("group", { name: "Log-ins that a template will not have" }).waitFor();
  await dialog.getByText("/home/desk/.claude.json").waitFor();
  await dialog.getByLabel("GitHub").check();
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByText("A template's name has 1 to 40 of a-z").waitFor();
  assert.equal(await dialog.getByLabel("Description").inputValue(), "For our reports");
  await dialog.getByText("/home/desk/.claude.json").waitFor();
  assert.ok(await dialog.getByLabel("GitHub").isChecked(), "what was ticked stays so");
  assert.ok(!(await dialog.getByLabel("SSH keys").isChecked()));
  await dialog.getByLabel("Name").fill("tools");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByText("tools is being made.").waitFor();
  await page.visit("/snapshots");
  const row = page.locator(".template-own-table tr", { hasText: "For our reports" });
  await row.getByText("Ready").waitFor();
  assert.deepEqual(await server.wish("kept-logins", { template: "tools" }), ["github"]);
  await row.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete template" }).click();
  await page.getByText("tools is deleted.").waitFor();
  await row.waitFor({ state: "detached" });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a new desktop is set up, says how that goes, and is set up again", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.getByRole("button", { name: "New desktop" }).first().click();
  const dialog = page.locator("#new-desktop");
  await dialog.getByLabel("Name").fill("workshop");
  await dialog.getByText("Set up with a repository or script").click();
  await dialog.getByLabel("Git repository").fill("tools");
  await dialog.getByLabel("Script").fill("echo added 212 packages in 2s\nsleep 2\nexit 3");
  await dialog.getByRole("button", { name: "Create" }).click();
  await dialog.getByText("A repository's address begins with https://").waitFor();
  assert.equal(await dialog.getByLabel("Script").inputValue(), "echo added 212 packages in 2s\nsleep 2\nexit 3");
  await dialog.getByLabel("Git repository").fill("https://example.org/tools.git");
  await dialog.getByRole("button", { name: "Create" }).click();
  await page.getByText("workshop is being made").waitFor();
  await page.visit(await desktopPath(page, "workshop"));
  const setup = page.locator("#setup");
  await setup.getByText("Being set up").waitFor();
  await setup.getByText("Not set up").waitFor();
  await setup.getByText("The script ended with 3; its log says why.").waitFor();
  await setup.getByText("added 212 packages in 2s").waitFor();
  await setup.getByRole("button", { name: "Set up again…" }).click();
  const again = page.locator("#set-up");
  assert.equal(await again.getByLabel("Git repository").inputValue(), "https://example.org/tools.git");
  await again.getByLabel("Script").fill("echo up to date");
  await again.getByRole("button", { name: "Save" }).click();
  await page.getByText("It is being set up; follow it under Activity.").waitFor();
  await setup.getByText("Set up", { exact: true }).nth(0).waitFor();
  await setup.locator(".state[data-state=running]").waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a desktop leaves as a file and comes in as one", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/snapshots");
  const row = page.locator("#snapshots tr", { hasText: "before the upgrade" });
  await row.getByRole("button", { name: "Actions for before the upgrade" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    row.getByRole("menuitem", { name: "Export its disk" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "research.rolltop");
  const buffer = readFileSync(await download.path());
  const file = { name: "research.rolltop", mimeType: "application/zstd", buffer };
  await page.locator("#import-file").setInputFiles({ ...file, buffer: Buffer.alloc(0) });
  await page.getByText("This is not an exported desktop.").waitFor();
  await slowly(async () => {
    await page.locator("#import-file").setInputFiles(file);
    await page.getByText("Import of research").waitFor();
    await page.getByText("is being made").first().waitFor();
  });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a snapshot is copied off the host and back, and the copy deleted", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/snapshots");
  await server.wish("dawdle", { milliseconds: 700 });
  const row = page.locator("#snapshots table:not(.copies-table) tr", { hasText: "before the upgrade" });
  await row.getByRole("button", { name: "Actions for before the upgrade" }).click();
  await row.getByRole("menuitem", { name: "Copy off this host" }).click();
  await page.getByText("A copy of before the upgrade is being made.").waitFor();
  const copy = page.locator(".copies-table tr", { hasText: "before the upgrade" });
  await copy.getByText("Being copied").waitFor();
  // The page looks by itself.
  await copy.getByText("Copied").waitFor();
  const actions = copy.getByRole("button", { name: "Actions for the copy before the upgrade" });
  await actions.click();
  await copy.getByRole("menuitem", { name: "Bring it back here" }).click();
  await page.getByText("before the upgrade is being fetched.").waitFor();
  await copy.getByText("Being fetched").waitFor();
  await copy.getByText("Copied").waitFor();
  await actions.click();
  await copy.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete copy" }).click();
  await page.getByText("The copy before the upgrade is deleted.").waitFor();
  await copy.waitFor({ state: "detached" });
  await server.wish("dawdle", { milliseconds: 0 });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("what a desktop uses is drawn, said in words, and looked back at", async () => {
  const page = await openPage(browser, server.url);
  await server.wish("work-for-a-month", { desktop: "research" });
  await page.visit("/desktops");
  await page.visit(await desktopPath(page, "research"));
  const memory = page.locator("rolltop-usage [data-chart=memory]");
  await memory.getByText(/MiB, at most \d+\sMiB/).waitFor();
  const line = await memory.locator("canvas").evaluate((canvas) => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.some((value, index) => index % 4 === 3 && value > 200);
  });
  assert.ok(line, "a line is drawn");
  const asked = page.waitForRequest((request) => request.url().endsWith("/usage?span=month"));
  await page.getByRole("button", { name: "30 days" }).click();
  await asked;
  assert.equal(await page.getByRole("button", { name: "30 days" }).getAttribute("aria-pressed"), "true");
  await page
    .locator("rolltop-usage [data-chart=network]")
    .getByText(/at most \d+(\.\d)?\sKiB\/s/)
    .first()
    .waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("several are started, stopped and deleted at once", async () => {
  const names = ["paper", "pencil"];
  await server.wish("run", { names });
  const page = await openPage(browser, server.url);
  await page.visit("/desktops?view=table");
  assert.ok(await page.locator(".bulk-bar").isHidden());
  for (const name of names) await page.getByLabel(`Pick ${name}`).check();
  await page.locator(".bulk-bar").getByRole("button", { name: "Stop" }).click();
  await page.getByRole("heading", { name: "Stop 2 desktops?" }).waitFor();
  assert.deepEqual(
    await page
      .locator("dialog[open] .losses li")
      .allInnerTexts()
      .then((found) => found.toSorted()),
    names,
  );
  await page.getByRole("button", { name: "Stop 2 desktops" }).click();
  await page.locator(".toast", { hasText: "2 desktops are stopping." }).waitFor({ state: "attached" });
  for (const name of names) {
    await page.locator("tr", { hasText: name }).getByText("Stopped").waitFor();
  }
  assert.ok(await page.locator(".bulk-bar").isHidden(), "nothing is picked any more");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the screen is drawn, follows the window, and shares its clipboard", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.visit(await desktopPath(page, "research"));
  const canvas = page.locator("rolltop-screen[data-status=connected] canvas:not(.last-frame)");
  await canvas.waitFor();
  const fits = () =>
    page.waitForFunction(() => {
      const [screen, picture] = ["rolltop-screen", "rolltop-screen canvas:not(.last-frame)"].map((s) =>
        document.querySelector(s),
      );
      return (
        picture &&
        Math.abs(picture.width - screen.clientWidth) < 2 &&
        Math.abs(picture.height - screen.clientHeight) < 2
      );
    });
  await fits();
  await page.setViewportSize({ width: 1200, height: 700 });
  await fits();
  await page.locator("[data-panel-toggle]").click();
  await fits();
  const colours = await canvas.evaluate((element) => {
    const { data } = element.getContext("2d").getImageData(0, 0, element.width, element.height);
    const seen = new Set();
    for (let at = 0; at < data.length; at += 4000) seen.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
    return seen.size;
  });
  assert.ok(colours > 20, `a picture and not a blank: ${colours} colours`);
  await page.evaluate(() => navigator.clipboard.writeText("from here"));
  await canvas.click();
  await page.keyboard.press("Control+v");
  await clipboardHas(server, "research", "from here".length);
  // Nobody copied there: it is shown, and no more.
  const copies = (text) => server.wish("copy", { desktop: "research", text });
  await copies("FROM HERE");
  await page.waitForFunction(() => document.querySelector("#clipboard-text").value === "FROM HERE");
  await page.waitForTimeout(300);
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "from here");
  const copied = async (text, ask) => {
    await ask();
    await copies(text.toUpperCase());
    await page.waitForFunction(async (text) => (await navigator.clipboard.readText()) === text, text.toUpperCase());
  };
  await copied("by key", () => page.keyboard.press("Control+c"));
  await copied("by menu", async () => {
    await canvas.click({ button: "right" });
    await canvas.click();
  });
  // What is on this computer's clipboard is not read on coming back.
  await page.evaluate(() => navigator.clipboard.writeText("a password"));
  await page.evaluate(() => window.dispatchEvent(new Event("focus")));
  await page.waitForTimeout(300);
  assert.equal(await page.evaluate(() => document.querySelector("#clipboard-text").value), "BY MENU");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("colours are chosen without a cookie and stay chosen", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.locator("#account-button").click();
  await page.getByRole("menuitemradio", { name: "Dark" }).click();
  assert.ok(await page.evaluate(() => document.documentElement.classList.contains("dark")));
  await page.visit("/host");
  assert.ok(await page.evaluate(() => document.documentElement.classList.contains("dark")));
  assert.equal((await page.context().cookies()).length, 1);
  await page.context().close();
});

test("a choice of language changes every word", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.locator("#account-button").click();
  await page.getByRole("menuitemradio", { name: "Français" }).click();
  await page.getByRole("button", { name: "Nouveau bureau" }).waitFor();
  assert.equal((await page.context().cookies()).length, 1);
  await page.context().close();
});

test("scripts stay small, and the screen's is loaded only where a screen is", async () => {
  const page = await openPage(browser, server.url);
  const scripts = [];
  page.on("response", async (response) => {
    if (response.request().resourceType() === "script")
      scripts.push({ url: response.url(), bytes: Number((await response.allHeaders())["content-length"]) });
  });
  await page.visit("/desktops");
  await page.waitForLoadState("load");
  assert.ok(!scripts.some(({ url }) => url.includes("screen-")));
  const bytes = scripts.reduce((sum, script) => sum + script.bytes, 0);
  assert.ok(bytes > 0 && bytes < 250_000, `${bytes} bytes`);
  await page.visit(await desktopPath(page, "research"));
  await page.locator("rolltop-screen[data-status]").waitFor();
  assert.ok(scripts.some(({ url }) => url.includes("screen-")));
  await page.context().close();
});

test("the empty state has the one button", async () => {
  const empty = await startPlatform();
  const page = await openPage(browser, empty.url);
  await page.visit("/desktops");
  await page.getByRole("heading", { name: "No desktops yet" }).waitFor();
  await page.getByRole("button", { name: "New desktop" }).click();
  await page.getByRole("button", { name: "Create desktop" }).click();
  await page.locator(".desktop-card").waitFor();
  await page.context().close();
  await empty.stop();
});

test("a server that is away is said after two seconds, and forgotten when it is back", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await card(page, "research").waitFor();
  await server.wish("web", { there: false });
  await page.locator("#connection-line").waitFor({ state: "visible" });
  await server.wish("web", { there: true });
  await page.locator("#connection-line").waitFor({ state: "hidden" });
  await page.context().close();
});
