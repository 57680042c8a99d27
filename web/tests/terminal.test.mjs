// Terminals in the panel: what is pasted is only ever pasted, selecting is not copying, nothing that runs ends
// unasked, and addresses lead where they say.
import assert from "node:assert/strict";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { desktopPath, openPage, startBrowser, startPlatform } from "./support.mjs";

let server, browser, page;

before(async () => {
  [server, browser] = await Promise.all([startPlatform({ desktops: ["research"] }), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});
beforeEach(async () => {
  page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.visit(`${await desktopPath(page, "research")}#terminal`);
  await page.locator(".xterm-rows").first().waitFor();
  await shows("desk@research");
});
afterEach(async () => {
  // Leaving a page ends what it was fetching.
  assert.deepEqual(
    page.complaints.filter((said) => !/Failed to fetch/.test(said)),
    [],
  );
  const of = (await desktopPath(page, "research")).split("/").pop();
  await page.evaluate(async (id) => {
    const { items } = await (await fetch(`/v1/desktops/${id}/terminals`)).json();
    for (const { number } of items) await fetch(`/v1/desktops/${id}/terminals/${number}`, { method: "DELETE" });
  }, of);
  await page.context().close();
});

const terminal = () => page.locator(".terminal-place:not([hidden])");
const text = async () => (await terminal().locator(".xterm-rows").innerText()).replaceAll("\u00a0", " ");
const shows = (wanted) =>
  page.waitForFunction(
    (part) =>
      document
        .querySelector(".terminal-place:not([hidden]) .xterm-rows")
        ?.innerText.replaceAll("\u00a0", " ")
        .includes(part),
    wanted,
  );
const tabs = () => page.locator(".terminal-tab > button:first-child").allInnerTexts();
const focus = () => terminal().locator(".xterm-helper-textarea").focus();
const enter = async (line) => {
  await focus();
  await page.keyboard.type(`${line}\n`);
};
/** From now on the terminal shows the keys that it gets, until Ctrl+C. */
const showKeys = async () => {
  await enter("cat -v");
  await shows("cat -v\n");
};
const copied = () => page.evaluate(() => navigator.clipboard.readText());

test("what is pasted is one bracketed text, whatever is in it", async () => {
  const wanted = "ls\x1b[201~\nrm -rf ~\x1b\x9b201~\x07";
  await page.evaluate((pasted) => navigator.clipboard.writeText(pasted), wanted);
  const expected = "^[[200~ls[201~";
  await showKeys();
  await page.keyboard.press("Control+v");
  await shows(expected);
  await shows("rm -rf ~201~^[[201~");
  const shown = await text();
  assert.equal(shown.split("^[[200~").length, 2, shown);
  assert.equal(shown.split("^[[201~").length, 2, `only ours ends it: ${shown}`);
  assert.ok(shown.trimEnd().endsWith("rm -rf ~201~^[[201~"), shown);
  // The next one is whole too, by the other keys; and so is what a menu or a phone's keyboard pastes.
  await page.keyboard.press("Control+c");
  await showKeys();
  await page.keyboard.press("Control+Shift+v");
  await page.waitForFunction(() => document.querySelector(".xterm-rows").innerText.split("[200~").length === 3);
  await terminal()
    .locator(".xterm-helper-textarea")
    .evaluate((field, data) => {
      const transfer = new DataTransfer();
      transfer.setData("text/plain", data);
      field.dispatchEvent(
        new InputEvent("beforeinput", {
          inputType: "insertFromPaste",
          dataTransfer: transfer,
          bubbles: true,
          cancelable: true,
        }),
      );
      field.dispatchEvent(
        new InputEvent("beforeinput", {
          inputType: "insertFromDrop",
          dataTransfer: transfer,
          bubbles: true,
          cancelable: true,
        }),
      );
    }, wanted);
  await page.waitForFunction(() => document.querySelector(".xterm-rows").innerText.split("[200~").length === 5);
  assert.equal((await text()).split("^[[201~").length, 5, await text());
});

test("a selection stays, and is copied only when that is asked for", async () => {
  await page.evaluate(() => navigator.clipboard.writeText("mine"));
  await enter('printf "choose this\\n"');
  await shows("choose this");
  const row = terminal().locator(".xterm-rows > div", { hasText: "choose this" }).last();
  const select = async () => {
    const box = await row.boundingBox();
    await page.mouse.move(box.x + 1, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 4, box.y + box.height / 2, { steps: 4 });
    await page.mouse.up();
  };
  await select();
  await terminal().locator(".xterm-selection div").first().waitFor({ state: "attached" });
  assert.equal(await copied(), "mine");
  await page.keyboard.press("Control+Shift+C");
  await page.waitForFunction(async () => (await navigator.clipboard.readText()).startsWith("choose this"));
  // A program that wants the mouse has it; with Shift the selection is the browser's.
  await page.evaluate(() => navigator.clipboard.writeText("mine"));
  await enter('printf "\\u001b[?1000h\\u001b[?1006hchoose this\\n"');
  await page.waitForFunction(() => document.querySelectorAll(".enable-mouse-events").length > 0);
  await showKeys();
  const marks = async () => (await text()).split("^[[<").length;
  const before = await marks();
  await select();
  await page.waitForFunction(
    (count) => document.querySelector(".xterm-rows").innerText.split("^[[<").length >= count + 2,
    before,
  );
  const told = await marks();
  await page.keyboard.down("Shift");
  await select();
  await page.keyboard.up("Shift");
  await terminal().locator(".xterm-selection div").first().waitFor({ state: "attached" });
  assert.equal(await marks(), told);
  await page.keyboard.press("Control+Shift+C");
  await page.waitForFunction(async () => (await navigator.clipboard.readText()) !== "mine");
});

test("the wheel scrolls what the desktop keeps, by keys", async () => {
  await showKeys();
  await terminal().hover();
  await page.mouse.wheel(0, -200);
  await shows("^[[57996~");
});

test("closing asks while a program runs, and can be undone otherwise", async () => {
  await page.getByRole("button", { name: "New terminal" }).click();
  await shows("desk@research");
  await enter("sleep 600");
  await shows("sleep 600\n");
  await page.getByRole("button", { name: "Close terminal 2" }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.getByText("sleep is running in this terminal").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.deepEqual(await tabs(), ["Terminal 1", "Terminal 2"]);
  await page.getByRole("button", { name: "Close terminal 1" }).click();
  const toast = page.locator(".toast", { hasText: "Terminal 1 is closed." });
  await toast.getByRole("button", { name: "Undo" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".terminal-tab").length === 2);
  await toast.waitFor({ state: "detached" });
  const numbers = () =>
    page.evaluate(async () => {
      const { items } = await (
        await fetch(`/v1/desktops/${document.querySelector("rolltop-terminals").dataset.desktop}/terminals`)
      ).json();
      return items.map(({ number }) => number);
    });
  assert.deepEqual(await numbers(), [1, 2], "undone, it goes on");
  await page.getByRole("button", { name: "Close terminal 1" }).click();
  await page.locator(".toast", { hasText: "Terminal 1 is closed." }).getByRole("button", { name: "Dismiss" }).click();
  await page.waitForFunction(async () => {
    const { items } = await (
      await fetch(`/v1/desktops/${document.querySelector("rolltop-terminals").dataset.desktop}/terminals`)
    ).json();
    return items.length === 1;
  });
  await page.getByRole("button", { name: "Close terminal 2" }).click();
  await dialog.getByRole("button", { name: "Close terminal" }).click();
  await page.getByText("The last terminal has ended.").waitFor();
});

test("the tab that is chosen is in view, however many there are", async () => {
  for (let number = 2; number <= 8; number += 1) {
    await page.getByRole("button", { name: "New terminal" }).click();
    await page.getByRole("button", { name: `Terminal ${number}`, exact: true }).waitFor();
  }
  const inView = await page.locator("[data-tabs]").evaluate((list) => {
    const [outer, inner] = [list.getBoundingClientRect(), list.lastElementChild.getBoundingClientRect()];
    return inner.left >= outer.left - 1 && inner.right <= outer.right + 1;
  });
  assert.ok(inView);
});

test("a search that misses says so", async () => {
  await enter('printf "a needle\\n"');
  await showKeys();
  await page.getByRole("button", { name: "Search what was shown" }).click();
  const field = page.getByRole("searchbox", { name: "Search what was shown" });
  const said = page.locator("[data-missed]");
  await field.fill("haystack");
  await page.keyboard.press("Enter");
  await said.getByText("Not found").waitFor();
  await field.fill("needle");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("[data-missed]").textContent === "");
  // Once more is further back.
  await page.keyboard.press("Enter");
  await shows("^[[57998~");
});

test("an address that goes over rows opens whole, and so does one behind a word", async () => {
  const columns = Math.floor(
    await page.evaluate(() => {
      const probe = document.querySelector(".xterm-rows > div span").getBoundingClientRect();
      const letters = document.querySelector(".xterm-rows > div span").textContent.length;
      return document.querySelector(".xterm-screen").clientWidth / (probe.width / letters);
    }),
  );
  const long = `https://example.org/${"x".repeat(columns)}/${"y".repeat(columns)}-end`;
  // As tmux draws it: every row put in its place.
  const rows = long
    .match(new RegExp(`.{1,${columns}}`, "g"))
    .map((row, index) => `\u001b[${index + 2};1H${row}`)
    .join("");
  await enter(
    `printf ${JSON.stringify(`\u001b[2J${rows} after.\r\n\u001b]8;;https://example.org/behind\u001b\\the words\u001b]8;;\u001b\\`)}`,
  );
  await shows("the words");
  await page.evaluate(() => {
    window.opened = [];
    window.open = (address) => {
      window.opened.push(String(address));
      return null;
    };
  });
  for (const part of ["-end", "yyyy", "the words"]) {
    const row = terminal().locator(".xterm-rows > div", { hasText: part }).first();
    const box = await row.boundingBox();
    await page.mouse.move(box.x + 20, box.y + box.height / 2 - 2);
    await page.mouse.move(box.x + 16, box.y + box.height / 2);
    await page
      .locator(".xterm-screen.xterm-cursor-pointer, .xterm.xterm-cursor-pointer, .xterm-cursor-pointer")
      .first()
      .waitFor({ state: "attached" });
    await page.mouse.down();
    await page.mouse.up();
  }
  assert.deepEqual(await page.evaluate(() => window.opened), [long, long, "https://example.org/behind"]);
});

test("a program that shows an address of its own machine has its preview offered", async () => {
  await enter('printf "  Local:   \\u001b[36mhttp://localhost:\\u001b[1m5173\\u001b[22m/app\\u001b[39m ready\\n"');
  const offer = page.locator(".terminal-offer");
  await offer.getByText("5173").waitFor();
  const own = new URL(server.url).host;
  assert.equal(
    await offer.getByRole("link", { name: "Open preview" }).getAttribute("href"),
    `https://5173--research.${own}/`,
  );
  await offer.getByRole("button", { name: "Dismiss" }).click();
  await offer.waitFor({ state: "hidden" });
});
