// axe-core finds nothing on any page or dialog, in both colours, on a desk and on a phone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { SIZES, desktopPath, deviceCode, openPage, startBrowser, startPlatform } from "./support.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startPlatform({ furnished: true }), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** What axe and the console say of the page as it is, gathered for the end of the test. */
async function check(page, what) {
  page.found ??= [];
  await dialogSettled(page);
  // Run from the debugger's side, so that the page's own policy stays as it is.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const { id, nodes } of violations) {
    for (const { html, failureSummary } of nodes)
      page.found.push(`${what}: ${id}: ${html.slice(0, 160)} ${failureSummary}`);
  }
  page.found.push(...page.complaints.splice(0).map((complaint) => `${what}: ${complaint}`));
}

/** One of each kind, as scripts and the server put them there. */
async function toasts(page) {
  await page.evaluate(() => {
    for (const kind of ["info", "error", "undo"]) {
      const toast = document.getElementById(`toast-${kind}`).content.firstElementChild.cloneNode(true);
      toast.querySelector("[data-text]").textContent = `A toast of the kind ${kind}.`;
      document.getElementById("toasts").append(toast);
    }
  });
  await page.locator(".toast", { hasText: "of the kind undo" }).waitFor();
}

async function conclude(page) {
  assert.deepEqual(page.found, []);
  await page.context().close();
}

async function dialog(page, path) {
  await page.evaluate((address) => window.htmx.ajax("GET", address, { target: "#dialog", swap: "innerHTML" }), path);
  await page.locator("dialog[open] .dialog-box").waitFor();
  await dialogSettled(page);
}

async function dialogSettled(page) {
  // Dialogs fade in; colours are judged once they have. What turns for ever is not waited for.
  await page.evaluate(() => {
    const ending = document
      .getAnimations()
      .filter((animation) => Number.isFinite(animation.effect.getComputedTiming().endTime));
    return Promise.all(ending.map((animation) => animation.finished.catch(() => undefined)));
  });
}

for (const scheme of ["light", "dark"]) {
  for (const [place, size] of Object.entries(SIZES)) {
    const how = `${scheme}, ${place}`;

    test(`pages for everybody, ${how}`, async () => {
      const page = await openPage(browser, server.url, { signedIn: false, scheme, size });
      for (const path of ["/sign-in", "/welcome/lnk_first", "/nowhere", "/docs", "/docs/ssh", "/docs/search?q=key"]) {
        await page.visit(path);
        await check(page, `${path}, ${how}`);
      }
      await conclude(page);
    });

    test(`pages for those who are signed in, ${how}`, async () => {
      const page = await openPage(browser, server.url, { scheme, size });
      for (const path of [
        "/desktops",
        "/desktops?view=table",
        "/desktops?q=nothing-like-it",
        "/snapshots",
        "/ssh-keys",
        "/api-keys",
        "/login/device",
        "/host",
        "/account/password",
        "/docs/operating",
      ]) {
        await page.visit(path);
        await check(page, `${path}, ${how}`);
      }
      await page.locator("#docs-query").fill("key");
      await page.locator("#docs-found a").first().waitFor();
      await check(page, `docs being searched, ${how}`);
      await page.visit("/desktops");
      await page.locator(".desktop-card .dropdown-menu > button").first().click();
      await check(page, `a card's menu, ${how}`);
      await page.keyboard.press("Escape");
      await page.locator("#account-button").click();
      await page.locator("#account-button[aria-expanded=true]").waitFor();
      await check(page, `account menu, ${how}`);
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+k");
      await page.locator("#palette [role=menuitem]").first().waitFor();
      await check(page, `palette, ${how}`);
      await page.visit("/api-keys");
      await dialog(page, "/api-keys/new");
      await check(page, `new API key, ${how}`);
      await page.locator("#preset-custom").check();
      await check(page, `new API key with each scope, ${how}`);
      await page.locator("#api-key-name").fill("robot");
      await page.locator("#make-key button[type=submit]").click();
      await page.locator("#new-token").waitFor();
      await check(page, `a key shown once, ${how}`);
      await page.visit("/api-keys");
      await page.getByRole("button", { name: "Revoke" }).first().click();
      await page.locator("dialog[open] #revoke-key").waitFor();
      await dialogSettled(page);
      await check(page, `revoke a key, ${how}`);
      await page.visit("/login/device");
      await page.locator("#device-code").fill(await deviceCode(page));
      await page.keyboard.press("Enter");
      await page.locator(".decision").waitFor();
      await check(page, `a device to be allowed, ${how}`);
      await conclude(page);
    });

    test(`one desktop in every state, ${how}`, async () => {
      const page = await openPage(browser, server.url, { scheme, size });
      await page.visit("/desktops");
      for (const name of [
        "research",
        "invoices-2026",
        "folio",
        "almanac",
        "sextant",
        "lamp",
        "postcard",
        "atlas-of-remote-islands-and-other-places",
      ]) {
        await page.visit("/desktops");
        await page.visit(await desktopPath(page, name));
        await check(page, `${name}, ${how}`);
        if (name !== "research") continue;
        await page.locator("rolltop-screen[data-status=connected] canvas:not(.last-frame)").focus();
        await check(page, `the screen with the keys, ${how}`);
      }
      await page.visit("/desktops");
      const path = await desktopPath(page, "research");
      await page.visit(path);
      if (place === "phone") await page.locator("[data-panel-toggle]").click();
      await page.locator("#tab-settings").click();
      await page.locator("#sleep").getByRole("button", { name: "Change…" }).waitFor();
      await check(page, `settings, ${how}`);
      await page.locator("#tab-files").click();
      await page.getByRole("checkbox", { name: "Pick all" }).check();
      await check(page, `files, ${how}`);
      await page.locator("#tab-terminal").click();
      await page.locator(".xterm-helper-textarea").first().waitFor({ state: "attached" });
      await page.getByRole("button", { name: "Search what was shown" }).click();
      await page.keyboard.type("haystack\n");
      await page.locator("[data-missed]").getByText("Not found").waitFor();
      await check(page, `terminal, ${how}`);
      for (const what of ["sleep/edit", "hold", "schedule/edit", "size", "template", "setup/edit"]) {
        await page.visit(path);
        await dialog(page, `${path}/${what}`);
        await check(page, `${what}, ${how}`);
      }
      for (const what of ["snapshot", "stop", "restart", "end-processes", "rename", "delete"]) {
        await page.visit(path);
        await dialog(page, `${path}/ask/${what}`);
        await check(page, `${what}, ${how}`);
      }
      await page.visit("/desktops");
      await toasts(page);
      await check(page, `toasts, ${how}`);
      await dialog(page, "/desktops/new");
      await check(page, `new desktop, ${how}`);
      await page.visit("/snapshots");
      await page.getByRole("button", { name: "Actions for before the upgrade" }).click();
      await check(page, `a snapshot's menu, ${how}`);
      await page.getByRole("menuitem", { name: "Delete" }).click();
      await page.locator("dialog[open] #delete-snapshot").waitFor();
      await dialogSettled(page);
      await check(page, `delete a snapshot, ${how}`);
      await page.visit("/ssh-keys");
      await dialog(page, "/ssh-keys/new");
      await check(page, `add a key, ${how}`);
      await page.visit("/ssh-keys");
      await page.getByRole("button", { name: "Remove" }).first().click();
      await page.locator("dialog[open] #remove-key").waitFor();
      await dialogSettled(page);
      await check(page, `remove a key, ${how}`);
      await conclude(page);
    });
  }
}
