// Small things of the pages: names of snapshots, setups that failed, the palette, addresses, what is shown once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { desktopPath, openPage, startBrowser, startPlatform } from "./support.mjs";

let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startPlatform({ furnished: true, desktops: ["workshop"] }), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function conclude(page) {
  // Leaving a page ends what it was fetching.
  assert.deepEqual(
    page.complaints.filter((said) => !/Failed to fetch/.test(said)),
    [],
  );
  await page.context().close();
}

test("a snapshot is named as it is taken, and its desktop's page lists it", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.visit(await desktopPath(page, "research"));
  await page.getByRole("button", { name: "Snapshot" }).click();
  await page.locator("dialog[open]").getByLabel("Name").fill("before the move");
  await page.getByRole("button", { name: "Take snapshot" }).click();
  await page.getByText("A snapshot of research is being taken.").waitFor();
  await page.locator("#tab-settings").click();
  const kept = page.locator("#kept li", { hasText: "before the move" });
  await kept.getByRole("button", { name: "Actions for before the move" }).click();
  await kept.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete snapshot" }).click();
  await kept.waitFor({ state: "detached" });
  await page.locator("#kept").getByText("before the upgrade").waitFor();
  // On a phone a row still says whose it is.
  await page.setViewportSize({ width: 390, height: 844 });
  await page.visit("/snapshots");
  const name = page.locator("#snapshots tr", { hasText: "before the upgrade" }).locator(".name");
  assert.match(await name.innerText(), /research/);
  await conclude(page);
});

test("a setup that failed is said on the page, in the page's language", async () => {
  const page = await openPage(browser, server.url, { language: "fr-FR" });
  await page.visit("/desktops");
  const path = await desktopPath(page, "lamp");
  const research = await desktopPath(page, "research");
  await page.visit(research);
  await page.evaluate(
    (at) => window.htmx.ajax("GET", at, { target: "#dialog", swap: "innerHTML" }),
    `${research}/setup/edit`,
  );
  const dialog = page.locator("#set-up");
  await dialog.locator("#setup-repository").fill("tools");
  await dialog.getByRole("button", { name: "Enregistrer" }).click();
  await dialog.getByText("L’adresse d’un dépôt commence par").waitFor();
  await dialog.locator("#setup-repository").fill("https://example.org/tools.git");
  await dialog.locator("#setup-script").fill("exit 3");
  await dialog.getByRole("button", { name: "Enregistrer" }).click();
  await page.locator("#setup .state[data-state=failed]").waitFor();
  await page.reload();
  const said = page.locator(".desktop-trouble", { hasText: "La préparation a échoué." });
  await said.waitFor();
  assert.doesNotMatch(await said.innerText(), /script ended|its log/);
  await page.locator("#tab-files").click();
  await said.getByRole("button", { name: "Voir le journal" }).click();
  await page.locator("#setup .setup-log").waitFor();
  assert.doesNotMatch(await page.locator("#setup .problem").innerText(), /script ended/);
  await page.visit(path);
  assert.equal(await page.locator(".desktop-trouble").count(), 0);
  await conclude(page);
});

test("a desktop that failed after a restart comes back by Undo, memory and all", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.visit(await desktopPath(page, "sextant"));
  const stage = page.locator('.stage-card[data-state="failed"]');
  await stage.getByText("Before restarting").waitFor();
  await stage.getByRole("button", { name: "Undo" }).click();
  await page.locator("#screen canvas").waitFor();
  assert.equal(await stage.count(), 0);
  await conclude(page);
});

test("a desktop that does not answer says so where it is seen, why, and what runs in it can be ended", async () => {
  const page = await openPage(browser, server.url);
  await server.wish("run", { names: ["full-house"] });
  await server.wish("fill", { desktop: "full-house" });
  await page.visit("/desktops");
  const card = page.locator(".desktop-card", { hasText: "full-house" });
  await card.getByText("does not answer").waitFor();
  await page.visit("/desktops?view=table");
  await page.locator(".desktop-row", { hasText: "full-house" }).getByText("does not answer").waitFor();
  const path = await desktopPath(page, "full-house");
  await page.visit(path);
  const said = page.locator(".desktop-trouble");
  await said.getByText("It does not answer, because it has as many processes as it can.").waitFor();
  assert.match(await said.innerText(), /Last answer:\s+\S/);
  assert.equal(await said.getByRole("button", { name: "Restart" }).count(), 1);
  await said.getByRole("button", { name: "End what runs" }).click();
  const dialog = page.locator("dialog[open]", { hasText: "End what runs in full-house?" });
  await dialog.getByText("what they had not saved is lost").waitFor();
  await dialog.getByRole("button", { name: "End what runs" }).click();
  await page.locator(".toast", { hasText: "What ran in full-house was ended." }).waitFor();
  await said.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Actions for full-house" }).click();
  await page.getByRole("menuitem", { name: "End what runs" }).waitFor();
  await conclude(page);
});

test("the palette leads everywhere, and changes colours and language", async () => {
  // With a session of its own: signing out ends it.
  const page = await openPage(browser, server.url, { signedIn: false });
  await page.visit("/desktops");
  await page.getByLabel("Name").fill("sam");
  await page.getByLabel("Password").fill("a walnut desk");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Desktops" }).waitFor();
  const run = async (words) => {
    await page.keyboard.press("Control+k");
    await page.locator("#palette [role=menuitem]").first().waitFor();
    await page.locator("#palette input:focus").waitFor();
    await page.keyboard.type(words);
    await page.waitForFunction((typed) => document.querySelector("#palette input").value === typed, words);
    await page.keyboard.press("Enter");
  };
  await run("colours: dark");
  await page.waitForFunction(() => document.documentElement.classList.contains("dark"));
  await page.locator("#palette[open]").waitFor({ state: "detached" });
  await run("api keys");
  await page.getByRole("heading", { level: 1, name: "API keys" }).waitFor();
  await run("snapshots");
  await page.getByRole("heading", { level: 1, name: "Snapshots" }).waitFor();
  await run("français");
  await page.getByRole("heading", { level: 1, name: "Instantanés" }).waitFor();
  await run("se déconnecter");
  await page.waitForURL((url) => url.pathname === "/sign-in");
  await conclude(page);
});

test("the address of a new desktop opens its dialog", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops/new");
  await page.locator("dialog[open] #new-name").waitFor();
  assert.equal(new URL(page.url()).pathname, "/desktops");
  await page.getByRole("link", { name: "Snapshots" }).waitFor({ state: "attached" });
  await conclude(page);
});

test("what is shown once stays until it was seen", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/api-keys");
  await page.getByRole("button", { name: "New API key" }).click();
  await page.locator("#api-key-name").fill("robot");
  await page.keyboard.press("Enter");
  await page.locator("#new-token").waitFor();
  for (let times = 0; times < 3; times += 1) await page.keyboard.press("Escape");
  assert.ok(await page.locator("#new-token").isVisible());
  await page.getByRole("button", { name: "Done" }).click();
  await page.locator("dialog[open]").waitFor({ state: "detached" });
  await conclude(page);
});

test("amounts are counted one way, and times told one way", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.visit(`${await desktopPath(page, "research")}#files`);
  await page.locator("rolltop-files tbody tr").first().waitFor();
  const file = page.locator("rolltop-files tbody tr", { hasText: "plan.txt" });
  assert.match(await file.locator("[data-size]").innerText(), /^10\sB$/);
  assert.ok(await file.locator("time[data-relative]").getAttribute("title"));
  await conclude(page);
});

test("the list is sorted by any column, both ways, and picked all at once", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops?view=table");
  const names = () => page.locator(".desktop-row .name").allInnerTexts();
  const settled = (wanted) =>
    page.waitForFunction((expected) => {
      const shown = [...document.querySelectorAll(".desktop-row .name")].map((cell) => cell.innerText);
      return JSON.stringify(shown) === JSON.stringify(expected);
    }, wanted);
  const sorted = (await names()).toSorted();
  await page.getByRole("link", { name: "Name" }).click();
  await settled(sorted);
  await page.getByRole("link", { name: "Name sorted, ascending" }).click();
  await settled(sorted.toReversed());
  // It stays so through a filter.
  await page.getByRole("link", { name: "Running" }).click();
  await page.locator(".segment[aria-current=true]", { hasText: "Running" }).waitFor();
  assert.deepEqual(await names(), (await names()).toSorted().toReversed());
  await page.getByRole("checkbox", { name: "Pick all" }).check();
  assert.equal(await page.locator(".pick:checked").count(), (await names()).length);
  await page.locator(".bulk-bar").waitFor();
  await page.locator(".pick").first().uncheck();
  assert.ok(await page.getByRole("checkbox", { name: "Pick all" }).evaluate((box) => box.indeterminate));
  await conclude(page);
});

test("a setup that runs is stopped", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  const path = await desktopPath(page, "workshop");
  await page.visit(path);
  await page.evaluate(
    (at) => window.htmx.ajax("GET", at, { target: "#dialog", swap: "innerHTML" }),
    `${path}/setup/edit`,
  );
  await page.locator("#setup-script").fill("sleep 600");
  await page.locator("#set-up").getByRole("button", { name: "Save" }).click();
  await page.locator("#setup").getByRole("button", { name: "Stop setup" }).click();
  await page.getByText("The setup is being stopped.").waitFor();
  await page.locator("#setup").getByText("It was stopped before it was done").waitFor();
  await conclude(page);
});
