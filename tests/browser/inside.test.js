// Terminal and files of a desktop in the browser, over the simulated engine: a folder is uploaded, a
// file edited, and both are seen in the terminal.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PATIENCE, api, drop, eventually, signIn, startBrowser, startRolltop } from "./platform.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pictures = new URL("out/", import.meta.url).pathname;
let rolltop, browser, page, id;
const complaints = [];

before(async () => {
  mkdirSync(pictures, { recursive: true });
  rolltop = await startRolltop("sim");
  browser = await startBrowser();
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 }, permissions: ["clipboard-read", "clipboard-write"],
  });
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
  });
  await signIn(page, rolltop);
  await page.getByRole("button", { name: "New desktop" }).first().click();
  await page.getByRole("dialog").getByLabel("Name").fill("first");
  await page.getByRole("dialog").getByRole("button", { name: "Create desktop" }).click();
  await page.locator(".desktop-card", { hasText: "first" }).getByText("Running").waitFor();
  await page.getByRole("link", { name: "first", exact: true }).first().click();
  await page.locator("rolltop-screen[data-status=connected]").waitFor();
  id = page.url().split("/").pop().split("#")[0];
}, { timeout: PATIENCE });

after(async () => {
  await page?.screenshot({ path: join(pictures, "inside.png") });
  await browser?.close();
  await rolltop?.stop();
});

const shown = (where = page) => where.locator(".xterm-rows").first().innerText();
const shows = (text, where = page) => eventually(`the terminal shows ${text}`, async () => (await shown(where)).includes(text), 30_000);
const row = (name) => page.locator("rolltop-files tbody tr", { has: page.getByText(name, { exact: true }) });

async function run(line) {
  await page.locator(".xterm-helper-textarea").first().focus();
  await page.keyboard.type(`${line}\n`);
}

test("a terminal is there once its tab is opened, and survives a reload", { timeout: PATIENCE }, async () => {
  assert.equal(await page.evaluate(() => performance.getEntriesByType("resource").some(({ name }) => name.includes("terminal-"))), false);
  await page.getByRole("tab", { name: "Terminal" }).click();
  await shows("desk@first:~$");
  await run("echo from the terminal");
  await shows("\nfrom the terminal");
  await page.reload();
  await shows("from the terminal");
  await run("echo after the reload");
  await shows("\nafter the reload");
});

test("somebody else in the same terminal sees the same", { timeout: PATIENCE }, async () => {
  const other = await page.context().newPage();
  await other.goto(page.url());
  await shows("after the reload", other);
  await run("echo for two");
  await shows("\nfor two", other);
  await other.close();
});

test("a flood neither fills the browser nor ends the terminal", { timeout: PATIENCE }, async () => {
  await run("yes | head -c 200M");
  // The prompt before is still there until the flood begins.
  await eventually("the flood is over", async () => /\ny\s+desk@first:~\$\s*$/.test(await shown()), 120_000);
  const heap = await page.evaluate(() => performance.memory.usedJSHeapSize);
  assert.ok(heap < 200 << 20, `${heap} bytes in use`);
  await run("echo still here");
  await shows("\nstill here");
});

test("a phone has a row of the keys that its keyboard lacks", { timeout: PATIENCE }, async () => {
  assert.equal(await page.locator(".terminal-keys").isVisible(), false, "a keyboard and a mouse need none");
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true,
    storageState: await page.context().storageState(),
  });
  const phone = await context.newPage();
  phone.setDefaultTimeout(30_000);
  await phone.goto(`${rolltop.url}/desktops/${id}#terminal`);
  await shows("desk@first:~$", phone);
  const keys = phone.getByRole("toolbar", { name: "Special keys" });
  await keys.waitFor();
  await phone.locator(".xterm-helper-textarea").first().focus();
  await phone.keyboard.type("left undone");
  // Ctrl stays down for one key.
  await keys.getByRole("button", { name: "Ctrl" }).tap();
  assert.equal(await keys.getByRole("button", { name: "Ctrl" }).getAttribute("aria-pressed"), "true");
  await phone.keyboard.type("c");
  await shows("left undone^C", phone);
  assert.equal(await keys.getByRole("button", { name: "Ctrl" }).getAttribute("aria-pressed"), "false");
  await phone.keyboard.type("echo a");
  for (const name of ["Vertical bar", "Tilde", "Slash"]) await keys.getByRole("button", { name }).tap();
  await phone.keyboard.type("\n");
  await shows("echo a|~/", phone);
  // The row takes no focus, or the phone's own keyboard would go away.
  assert.ok(await phone.evaluate(() => document.activeElement.classList.contains("xterm-helper-textarea")));
  assert.ok(await phone.evaluate(() => document.documentElement.scrollWidth <= 390));
  await context.close();
});

test("a folder is uploaded and a file edited, and the terminal shows both", { timeout: PATIENCE }, async () => {
  await page.getByRole("tab", { name: "Files" }).click();
  await row("welcome.txt").waitFor();
  const local = mkdtempSync(join(tmpdir(), "rolltop-upload-"));
  mkdirSync(join(local, "trip/photos"), { recursive: true });
  writeFileSync(join(local, "trip/plan.txt"), "first idea\n");
  writeFileSync(join(local, "trip/photos/sea.bin"), Buffer.alloc(3_000_000, 7));
  await drop(page, join(local, "trip"));
  await row("trip").waitFor();
  await eventually("all has arrived", async () => (await page.locator(".files-uploads li").count()) === 0, 30_000);
  rmSync(local, { recursive: true });
  await row("trip").getByRole("button").click();
  await row("plan.txt").getByRole("button").click();
  const text = page.getByLabel("Text of the file");
  await text.fill("second idea\n");
  await page.keyboard.press("Control+s");
  await page.locator(".toast", { hasText: "plan.txt is saved." }).waitFor();
  // Somebody else saves; then ours is refused and nothing lost.
  const plan = `/v1/desktops/${id}/files/content?path=/home/desk/trip/plan.txt`;
  const elsewhere = await api(page, rolltop, plan, "PUT", "their idea\n");
  assert.equal(elsewhere.status(), 200);
  await text.fill("third idea\n");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.locator(".toast", { hasText: "has changed meanwhile" }).waitFor();
  assert.equal(await text.inputValue(), "third idea\n");
  await page.getByRole("tab", { name: "Terminal" }).click();
  await run("cat /home/desk/trip/plan.txt");
  await shows("\ntheir idea");
  await run("ls /home/desk/trip/photos");
  await shows("\nsea.bin");
  const photo = await api(page, rolltop, `/v1/desktops/${id}/files/content?path=/home/desk/trip/photos/sea.bin`);
  assert.equal((await photo.body()).length, 3_000_000);
});

test("the pages of a PDF file are drawn", { timeout: PATIENCE }, async () => {
  const put = (name, data) =>
    api(page, rolltop, `/v1/desktops/${id}/files/content?path=/home/desk/${name}`, "PUT", data);
  assert.equal((await put("letter.pdf", Buffer.from(pdf("From the desk")))).status(), 200);
  assert.equal((await put("broken.pdf", Buffer.from("%PDF-1.7 and nothing more"))).status(), 200);
  await page.getByRole("tab", { name: "Files" }).click();
  await page.getByRole("button", { name: "Back to the folder" }).click();
  await page.getByRole("button", { name: "Discard", exact: true }).click();
  await page.getByRole("button", { name: "Home folder" }).click();
  await row("letter.pdf").getByRole("button").click();
  const canvas = page.getByRole("img", { name: "Page 1" });
  await page.locator("canvas[data-drawn]").waitFor();
  const dark = () => canvas.evaluate((element) => {
    const { data } = element.getContext("2d").getImageData(0, 0, element.width, element.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200 && data[at] < 100) count++;
    return count;
  });
  await eventually("letters are on the page", async () => (await dark()) > 200, 30_000);
  await page.screenshot({ path: join(pictures, "pdf.png") });
  await page.getByRole("button", { name: "Back to the folder" }).click();
  await row("broken.pdf").getByRole("button").click();
  await page.locator("[data-preview-none]").waitFor();
  await page.getByRole("button", { name: "Back to the folder" }).click();
  await row("trip").getByRole("button").click();
  await row("plan.txt").waitFor();
});

/** A PDF file of one page with a line on it. */
function pdf(line) {
  const text = `BT /F1 32 Tf 60 700 Td (${line}) Tj ET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let file = "%PDF-1.7\n";
  const places = objects.map((object, index) => {
    const place = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(place).padStart(10, "0")} 00000 n \n`;
  });
  const xref = file.length;
  return `${file}xref\n0 6\n0000000000 65535 f \n${places.join("")}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n${xref}\n%%EOF\n`;
}

test("files are renamed, copied, moved and deleted, each by its dialog", { timeout: PATIENCE }, async () => {
  const ticked = page.locator("rolltop-files tbody input:checked");
  const act = async (name, action, value) => {
    while ((await ticked.count()) > 0) await ticked.first().uncheck();
    await row(name).getByRole("checkbox").check();
    await page.locator(`.files-actions [data-do=${action}]`).click();
    const dialog = page.locator("dialog[open]");
    if (value !== undefined) await dialog.locator("input").fill(value);
    await (value === undefined ? dialog.locator("button[value=yes]").click() : page.keyboard.press("Enter"));
  };
  await act("plan.txt", "rename", "plan b.txt");
  await row("plan b.txt").waitFor();
  await act("plan b.txt", "copy", "plan c.txt");
  await row("plan c.txt").waitFor();
  await act("plan c.txt", "mode", "0600");
  // What is ticked stays so when the list is read again.
  await row("plan c.txt").getByRole("checkbox").check();
  await page.locator("rolltop-files tbody tr").evaluateAll((rows) => rows.forEach((each) => (each.dataset.before = "")));
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.locator("rolltop-files tbody tr[data-before]").first().waitFor({ state: "detached" });
  assert.equal(await row("plan c.txt").getByRole("checkbox").isChecked(), true);
  await act("plan c.txt", "move", "/home/desk");
  await row("plan c.txt").waitFor({ state: "detached" });
  await act("photos", "delete");
  await row("photos").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Up one folder" }).click();
  await row("plan c.txt").waitFor();
  const info = await (await api(page, rolltop, `/v1/desktops/${id}/files/info?path=/home/desk/plan%20c.txt`)).json();
  assert.equal(info.mode, "0600");
});

for (const scheme of ["light", "dark"]) {
  for (const [place, size] of Object.entries({ desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } })) {
    test(`both tabs, ${scheme}, ${place}`, { timeout: PATIENCE }, async () => {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: scheme });
      for (const tab of ["terminal", "files"]) {
        await page.goto(`${rolltop.url}/desktops/${id}#${tab}`);
        await page.reload();
        await (tab === "terminal" ? shows("desk@first") : row("welcome.txt").waitFor());
        await page.screenshot({ path: join(pictures, `${tab}-${scheme}-${place}.png`) });
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
        const found = violations.flatMap(({ id: rule, nodes }) => nodes.map(({ html, failureSummary }) => `${rule}: ${html.slice(0, 160)} ${failureSummary}`));
        assert.deepEqual(found, []);
      }
      assert.deepEqual(complaints, []);
    });
  }
}
