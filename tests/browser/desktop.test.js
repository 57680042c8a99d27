// The main job, whole: a person asks for a desktop, sees it, clicks and types in it, what was
// typed is really on its disk, and a page that is served inside is shown.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PATIENCE, api, drop, eventually, settles, signIn, startBrowser, startRolltop } from "./platform.js";

let rolltop, browser, page;

before(async () => {
  rolltop = await startRolltop("qemu");
  browser = await startBrowser();
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } });
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
}, { timeout: PATIENCE });

after(async () => {
  // What the page looked like at the end, to be looked at where a test failed.
  await page?.screenshot({ path: new URL("out/desktop.png", import.meta.url).pathname });
  await browser?.close();
  await rolltop?.stop();
});

test("a desktop is made, seen, clicked and typed in", { timeout: 3 * PATIENCE }, async () => {
  await signIn(page, rolltop);
  await page.getByRole("button", { name: "New desktop" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("first");
  await dialog.getByRole("button", { name: "Create desktop" }).click();
  await page.getByRole("link", { name: "first", exact: true }).first().click();

  // The live screen: XFCE has drawn more than one colour.
  const canvas = page.locator("rolltop-screen canvas");
  await canvas.waitFor();
  await eventually("the screen shows a drawn desktop", async () => (await colours(canvas)) > 50);

  // The desktop takes on the window's size first, and its wallpaper and panel are drawn anew after that.
  const fits = async () => {
    const [drawn, shown] = [await canvas.evaluate((c) => c.width), (await canvas.boundingBox()).width];
    return Math.abs(drawn - shown) < 2;
  };
  await eventually("the desktop has the window's size", fits);
  await eventually("the desktop has come to rest", async () => {
    const earlier = await picture(canvas);
    await page.waitForTimeout(3000);
    return earlier.length === (await picture(canvas)).length && (await difference(canvas, earlier)) < 0.001;
  });

  // The terminal's launcher is the second in the panel at the lower left. A click or a key that came
  // too early for a busy desktop is made again, as a person does.
  const before = await picture(canvas);
  await eventually("a command typed into a terminal opened by a click has written its file", async () => {
    const box = await canvas.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.click(box.x + 90, box.y + box.height - 18, { delay: 80 });
    if (!(await settles(async () => (await difference(canvas, before)) > 0.1, 60_000))) return false;
    return settles(async () => {
      await page.keyboard.type("echo typed > ~/proof");
      await page.keyboard.press("Enter");
      await page.waitForTimeout(3000);
      const { data, id } = await find("first");
      assert.ok(data);
      const answer = await api(page, rolltop, `/v1/desktops/${id}/files/content?path=/home/desk/proof`);
      return answer.ok() && (await answer.text()) === "typed\n";
    }, 40_000);
  }, 1.5 * PATIENCE).catch(async (error) => {
    throw new Error(`${error.message}; ${await circumstances(canvas)}`);
  });
});

test("text is copied out of the desktop and pasted into it", { timeout: PATIENCE }, async () => {
  const canvas = page.locator("rolltop-screen canvas");
  await canvas.click({ position: { x: 600, y: 300 } });
  // Out: the desktop's own clipboard, filled by a command typed into the terminal that is open.
  await page.keyboard.type("printf 'from the desk' | xclip -selection clipboard");
  await page.keyboard.press("Enter");
  await page.getByText("Clipboard", { exact: true }).click();
  const text = page.getByLabel("Clipboard of the desktop");
  await eventually("the copied text is here", async () => (await text.inputValue()) === "from the desk");
  // In: what is typed into the panel can be pasted there.
  await text.fill("from the browser");
  await text.blur();
  await canvas.click({ position: { x: 600, y: 300 } });
  await eventually("the text has arrived", async () => {
    await page.keyboard.type("xclip -selection clipboard -o > ~/pasted");
    await page.keyboard.press("Enter");
    await page.waitForTimeout(2000);
    const { id } = await find("first");
    const answer = await api(page, rolltop, `/v1/desktops/${id}/files/content?path=/home/desk/pasted`);
    return answer.ok() && (await answer.text()) === "from the browser";
  });
});

test("the screen follows the window's size", { timeout: PATIENCE }, async () => {
  const canvas = page.locator("rolltop-screen canvas");
  const width = () => canvas.evaluate((c) => c.width);
  const before = await width();
  await page.setViewportSize({ width: 1100, height: 760 });
  await eventually("the desktop is narrower", async () => (await width()) < before);
});

test("the screen fills the monitor and comes back", { timeout: PATIENCE }, async () => {
  const full = () => page.evaluate(() => document.fullscreenElement?.querySelector("canvas") !== null && document.fullscreenElement !== null);
  await page.getByRole("button", { name: "Full screen" }).first().click();
  await eventually("the screen is alone on the monitor", full);
  await page.getByRole("button", { name: "Full screen" }).first().click();
  await eventually("the page is back", async () => !(await full()));
});

test("a folder is uploaded and a file edited, and the terminal shows both", { timeout: PATIENCE }, async () => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByRole("tab", { name: "Files" }).click();
  const row = (name) => page.locator("rolltop-files tbody tr", { has: page.getByText(name, { exact: true }) });
  await row("proof").waitFor();
  const local = mkdtempSync(join(tmpdir(), "rolltop-upload-"));
  mkdirSync(join(local, "trip/photos"), { recursive: true });
  writeFileSync(join(local, "trip/plan.txt"), "first idea\n");
  writeFileSync(join(local, "trip/photos/sea.bin"), Buffer.alloc(3_000_000, 7));
  await drop(page, join(local, "trip"));
  await row("trip").waitFor();
  await eventually("all has arrived", async () => (await page.locator(".files-uploads li").count()) === 0);
  rmSync(local, { recursive: true });
  await row("trip").getByRole("button").click();
  await row("plan.txt").getByRole("button").click();
  await page.getByLabel("Text of the file").fill("second idea\n");
  await page.keyboard.press("Control+s");
  await page.locator(".toast", { hasText: "plan.txt is saved." }).waitFor();
  await page.getByRole("tab", { name: "Terminal" }).click();
  const shown = () => page.locator(".xterm-rows").first().innerText();
  await eventually("the prompt is there", async () => (await shown()).includes("desk@first"));
  await page.locator(".xterm-helper-textarea").first().focus();
  await page.keyboard.type("cat trip/plan.txt; stat -c %s trip/photos/sea.bin\n");
  await eventually("the terminal shows both", async () => /second idea\s+3000000/.test(await shown()));
});

/** A web server with a page and a WebSocket that says one word. */
const SERVER = `
import { createHash } from "node:crypto";
import { createServer } from "node:http";
const page = \`<!doctype html><title>Inside</title><h1>From inside</h1><p></p><script>
  new WebSocket("wss://" + location.host).onmessage = ({ data }) => (document.querySelector("p").textContent = data);
</script>\`;
const server = createServer((_, answer) => answer.setHeader("content-type", "text/html").end(page));
server.on("upgrade", (asked, socket) => {
  const key = asked.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n");
  socket.write("Sec-WebSocket-Accept: " + accept + "\\r\\n\\r\\n");
  socket.write(Buffer.concat([Buffer.from([0x81, 6]), Buffer.from("spoken")]));
});
server.listen(3000, "127.0.0.1");
`;

test("a web server inside is previewed, its WebSocket too", { timeout: PATIENCE }, async () => {
  const { id } = await find("first");
  const saved = await api(page, rolltop, `/v1/desktops/${id}/files/content?path=/home/desk/server.mjs`, "PUT", SERVER);
  assert.ok(saved.ok(), await saved.text());
  assert.match(await run(id, "setsid node server.mjs > server.log 2>&1 < /dev/null &"), /"code":0/);
  const preview = await page.context().newPage();
  preview.setDefaultTimeout(PATIENCE);
  // Until the server listens, the preview says so and goes on by itself.
  await preview.goto(`https://3000--first.localhost:${new URL(rolltop.url).port}/`);
  await preview.getByRole("heading", { name: "From inside" }).waitFor();
  await preview.getByText("spoken").waitFor();
  await preview.close();
});

test("it is suspended with an unsaved text and a shell at work, and both are there again", { timeout: 2 * PATIENCE }, async () => {
  const { id } = await find("first");
  const canvas = page.locator("rolltop-screen canvas");
  const shown = () => page.locator(".xterm-rows").first().innerText();
  await page.getByRole("tab", { name: "Terminal" }).click();
  await page.locator(".xterm-helper-textarea").first().focus();
  await page.keyboard.type("word=remembered; clear\n");
  // A text in an editor that is saved nowhere.
  await run(id, "setsid mousepad > /dev/null 2>&1 < /dev/null &");
  await eventually("the editor is there", async () => /mousepad/i.test(await run(id, "wmctrl -lx")));
  const input = await page.context().newCDPSession(page);
  await eventually("the text is typed, with what an input method composes", async () => {
    await run(id, "wmctrl -xa mousepad; xdotool key ctrl+a");
    await canvas.focus();
    await page.keyboard.type("not saved anywhere: ");
    await input.send("Input.imeSetComposition", { text: "にほん", selectionStart: 3, selectionEnd: 3 });
    await input.send("Input.insertText", { text: "日本é" });
    await page.waitForTimeout(1000);
    return (await textInEditor(id)).includes("not saved anywhere: 日本é");
  });
  const before = await textInEditor(id);

  await page.getByRole("button", { name: "Suspend", exact: true }).click();
  await page.getByRole("heading", { name: "Suspended" }).waitFor();
  await eventually("the last picture stays", () => page.locator("#last-frame").evaluate((image) => image.naturalWidth > 0));
  await page.screenshot({ path: new URL("out/suspended.png", import.meta.url).pathname });
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await canvas.waitFor();
  await eventually("the screen is drawn", async () => (await colours(canvas)) > 50);

  await eventually("the same shell answers", async () => {
    await page.locator(".xterm-helper-textarea").first().focus();
    await page.keyboard.type("echo it is $word\n");
    return settles(async () => (await shown()).includes("it is remembered"), 20_000);
  });
  assert.equal(await textInEditor(id), before, "the unsaved text is what it was");
});

test("it is stopped, started again and deleted with a confirmation", { timeout: 2 * PATIENCE }, async () => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.getByRole("button", { name: "Actions for first" }).click();
  await page.getByRole("menuitem", { name: "Stop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop desktop" }).click();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator("rolltop-screen canvas").waitFor();
  await page.getByRole("button", { name: "Actions for first" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog");
  assert.match(await dialog.innerText(), /will be gone/);
  await dialog.getByRole("button", { name: "Delete desktop" }).click();
  await page.getByText("No desktops yet").waitFor();
});

/** The text of the editor that is open, by way of the clipboard. */
async function textInEditor(id) {
  const copy = "wmctrl -xa mousepad; xdotool key ctrl+a; xdotool key ctrl+c; sleep 1; xclip -selection clipboard -o | base64 -w0";
  const said = [...(await run(id, copy)).matchAll(/"type":"stdout","text":"([^"]*)"/g)].map(([, text]) => text).join("");
  return Buffer.from(said, "base64").toString();
}

/** What may explain that nothing typed arrives: where keys go, and what runs inside. */
async function circumstances(canvas) {
  const { id } = await find("first");
  const keys = await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 120));
  const screen = await canvas.evaluate((c) => `${c.width}x${c.height} ${c.closest("rolltop-screen").dataset.status}`);
  return `keys go to ${keys}; the screen is ${screen}; inside:\n${await run(id, "ps -u desk -o args=")}`;
}

/** What came of a command inside, as events. */
async function run(id, command) {
  return (await api(page, rolltop, `/v1/desktops/${id}/exec`, "POST", { command })).text();
}

async function find(name) {
  const answer = await api(page, rolltop, "/v1/desktops");
  const data = (await answer.json()).items.find((desktop) => desktop.name === name);
  return { data, id: data?.id };
}

/** How many colours are on the canvas, on a coarse grid. */
async function colours(canvas) {
  return new Set(await picture(canvas)).size;
}

/** The canvas's pixels on a coarse grid. */
async function picture(canvas) {
  return canvas.evaluate((element) => {
    const { data, width, height } = element.getContext("2d").getImageData(0, 0, element.width, element.height);
    const grid = [];
    for (let y = 4; y < height; y += 8) {
      for (let x = 4; x < width; x += 8) {
        const at = (y * width + x) * 4;
        grid.push((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
      }
    }
    return grid;
  });
}

/** The share of the grid that differs by more than a picture's refinement does. */
async function difference(canvas, before) {
  const now = await picture(canvas);
  if (now.length !== before.length) return 0;
  const differs = (one, other) => [16, 8, 0].some((bits) => Math.abs(((one >> bits) & 255) - ((other >> bits) & 255)) > 48);
  return now.filter((colour, index) => differs(colour, before[index])).length / now.length;
}
