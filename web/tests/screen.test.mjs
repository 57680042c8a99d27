// The desktop's page under a person's hands: its keys, its drops, its connection.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { transform } from "esbuild";
import { FIELD, SCREEN, clipboardHas, focused, keys, listening, openScreen, pretend } from "./screen-page.mjs";
import { desktopPath, openPage, startBrowser, startPlatform } from "./support.mjs";

let server, browser;
const openDesktop = (options) => openScreen(browser, server.url, options);

before(async () => {
  [server, browser] = await Promise.all([startPlatform({ desktops: ["research"] }), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function leave(page) {
  for (const key of ["Control", "Alt", "Shift"]) await page.keyboard.down(key);
  for (const key of ["Shift", "Alt", "Control"]) await page.keyboard.up(key);
}

test("the screen is left by keys, which are said while it has them", async () => {
  const page = await openDesktop();
  const hint = page.locator("#screen-leave");
  await page.locator(SCREEN).focus();
  await hint.waitFor();
  assert.equal(await page.locator(FIELD).getAttribute("aria-describedby"), "screen-leave");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Control+Alt+Shift+F2");
  await page.keyboard.press("Control+k");
  await focused(page, FIELD);
  assert.equal(await page.locator("dialog[open]").count(), 0, "Ctrl K is the desktop's there");
  await leave(page);
  await focused(page, "#screen-bar button");
  await hint.waitFor({ state: "hidden" });
  await page.keyboard.press("Shift+Tab");
  await focused(page, FIELD);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("while the screen has the keys, every button of its bar can be clicked at every width", async () => {
  for (const width of [1440, 1100, 960, 768, 390, 320]) {
    const page = await openDesktop({ size: { width, height: 760 } });
    await page.locator(SCREEN).click({ position: { x: 40, y: 40 } });
    await page.locator(".screen-bar .leave-hint").waitFor();
    const covered = await page.evaluate(() =>
      [...document.querySelectorAll(".screen-bar .btn")]
        .filter((button) => {
          if (!button.checkVisibility()) return false;
          const { left, right, top, bottom } = button.getBoundingClientRect();
          const points = [
            [left + 2, (top + bottom) / 2],
            [right - 2, (top + bottom) / 2],
          ];
          return !points.every(([x, y]) => button.contains(document.elementFromPoint(x, y)));
        })
        .map((button) => button.textContent.trim()),
    );
    assert.deepEqual(covered, [], `${width} px`);
    await page.context().close();
  }
});

test("a terminal is left by the same keys", async () => {
  const page = await openDesktop();
  await page.locator("#tab-terminal").click();
  await page.locator(".terminal-place textarea").focus();
  await page.locator("#terminal-leave").waitFor();
  await page.keyboard.press("Tab");
  await focused(page, ".terminal-place textarea");
  await leave(page);
  await focused(page, ".terminal-tab button");
  await page.locator("#terminal-leave").waitFor({ state: "hidden" });
  await page.context().close();
});

test("Ctrl K is switched off for good in this browser", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  await page.locator("#account-button").click();
  await page.getByRole("menuitemcheckbox", { name: "Ctrl K opens search" }).click();
  for (const again of [false, true]) {
    if (again) await page.reload();
    await page.keyboard.press("Control+k");
    assert.equal(await page.locator("dialog[open]").count(), 0);
    await page.locator(".search-button:not([aria-keyshortcuts]) kbd").waitFor({ state: "hidden" });
  }
  await page.locator("[data-open-palette]").click();
  await page.locator("#palette [role=menuitem]").first().waitFor();
  await page.context().close();
});

test("a dialog begins at its first field, and one that destroys at its way out", async () => {
  const page = await openPage(browser, server.url);
  await page.visit("/desktops");
  const path = await desktopPath(page, "research");
  await page.visit(path);
  const cases = [
    [`${path}/ask/rename`, "#rename-name"],
    [`${path}/size`, "input"],
    [`${path}/sleep/edit`, "input"],
    [`${path}/template`, "input"],
    [`${path}/ask/delete`, "[data-close]"],
    ["/desktops/new", "#new-name"],
    ["/ssh-keys/new", "input, textarea"],
    ["/api-keys/new", "#api-key-name"],
  ];
  for (const [address, wanted] of cases) {
    await page.evaluate((from) => window.htmx.ajax("GET", from, { target: "#dialog", swap: "innerHTML" }), address);
    await page.locator("dialog[open] .dialog-box").waitFor();
    assert.ok(
      await page.evaluate(
        (field) => document.activeElement.closest("dialog") && document.activeElement.matches(field),
        wanted,
      ),
      `${address} begins at ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 120))}`,
    );
    await page.keyboard.press("Escape");
    await page.locator("dialog[open]").waitFor({ state: "detached" });
  }
  await page.context().close();
});

/** A network that goes away without a word, once `window.gone` is set; with `window.back`, for what was connected before. */
function halfOpen(page) {
  return page.addInitScript(() => {
    window.WebSocket = new Proxy(window.WebSocket, {
      construct(Real, how) {
        const socket = new Real(...how);
        socket.fresh = window.back === true;
        socket.addEventListener(
          "message",
          (event) => window.gone && !socket.fresh && event.isTrusted && event.stopImmediatePropagation(),
        );
        if (String(how[0]).includes("/screen")) window.screenSocket = socket;
        return socket;
      },
    });
    const { send } = WebSocket.prototype;
    WebSocket.prototype.send = function (data) {
      if (!window.gone || this.fresh) send.call(this, data);
    };
  });
}

test("a connection on which nothing answers any more is replaced", async () => {
  const page = await openDesktop({ before: halfOpen });
  await page.locator("#tab-terminal").click();
  await page.locator(".xterm-rows", { hasText: "desk@research" }).waitFor();
  await page.evaluate(() => (window.gone = window.back = true));
  await page.locator("#connection-line").waitFor();
  await page.locator("#connection-line").waitFor({ state: "hidden" });
  await page.locator(SCREEN).waitFor();
  await page.locator(".terminal-place textarea").focus();
  await page.keyboard.type("again");
  await page.locator(".xterm-rows", { hasText: "again" }).waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a network that went away without a word is said within five seconds, in one line", async () => {
  const page = await openDesktop({ before: halfOpen });
  await page.locator("[data-latency]", { hasText: /^\d+ ms$/ }).waitFor();
  await page.locator("#tab-terminal").click();
  await page.locator(".terminal-place textarea").waitFor();
  const line = page.getByText("Not answering. Until it does, what you type is not sent.");
  await page.locator(".xterm-rows, .xterm-screen").first().waitFor();
  const told = page.evaluate(
    () =>
      new Promise((done) => {
        window.gone = true;
        const began = performance.now();
        const line = document.getElementById("connection-line");
        new MutationObserver(() => line.hidden || done(performance.now() - began)).observe(line, { attributes: true });
      }),
  );
  const took = await told;
  assert.ok(took < 5000, `said after ${took} ms`);
  await line.waitFor();
  assert.equal(await line.count(), 1);
  assert.equal(await page.getByText("Reconnecting…").count(), 0);
  await page.evaluate(() => (window.gone = false));
  await line.waitFor({ state: "hidden" });
  await page.locator("rolltop-screen[data-status=connected]").waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("what a browser says of a failed request is shown to nobody", async () => {
  const page = await openDesktop({ before: (page) => page.route(/\/files(\?|$)/, (route) => route.abort()) });
  await page.locator("#tab-files").click();
  await page.locator(".toast", { hasText: "It may be restarting." }).first().waitFor();
  assert.equal(await page.getByText(/fetch/i).count(), 0);
  await page.route(/\/files(\?|$)/, (route) =>
    route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad Gateway</h1>" }),
  );
  await page.locator("rolltop-files [data-do=refresh]").click();
  await page.locator(".toast", { hasText: "answered in its place (status 502)" }).waitFor();
  assert.equal(await page.getByText(/Bad Gateway/i).count(), 0);
  await page.context().close();
});

/** Drops a file of this machine in the middle of an element, as a hand does. */
async function drop(page, selector, file) {
  const { x, y, width, height } = await page.locator(selector).first().boundingBox();
  const input = await page.context().newCDPSession(page);
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await input.send("Input.dispatchDragEvent", {
      type,
      x: x + width / 2,
      y: y + height / 2,
      data: { items: [], files: [file], dragOperationsMask: 1 },
    });
  }
}

test("a file dropped on the screen or a terminal is uploaded, and elsewhere leaves the page alone", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "rolltop-drop-")), "notes.txt");
  writeFileSync(file, "dropped");
  const uploads = [];
  const page = await openDesktop({
    before: async (page) => {
      await page.route(/\/files\?/, (route) =>
        route.fulfill({ json: { path: "/home/desk", items: [], truncated: false } }),
      );
      page.on("requestfinished", (request) => {
        const { pathname, searchParams } = new URL(request.url());
        if (pathname.endsWith("/files/content")) uploads.push(searchParams.get("path"));
      });
    },
  });
  const arrived = async (count) => {
    for (const end = Date.now() + 30_000; uploads.length < count && Date.now() < end; ) await page.waitForTimeout(50);
    assert.deepEqual(uploads, Array(count).fill("/home/desk/notes.txt"));
  };
  const opened = [];
  page.context().on("page", (other) => opened.push(other.url()));
  await page.evaluate(() => (window.untouched = true));
  await drop(page, ".stage", file);
  await arrived(1);
  await page.locator("rolltop-files [data-path]").waitFor();
  await page.locator("#tab-terminal").click();
  await page.locator(".terminal-place textarea").waitFor();
  await drop(page, ".terminal-places", file);
  await arrived(2);
  for (const elsewhere of [".topline", ".screen-bar", ".rail"]) await drop(page, elsewhere, file);
  await arrived(2);
  assert.equal(await page.evaluate(() => window.untouched), true, "the page is where it was");
  assert.deepEqual(opened, [], "and no other was opened");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("Cmd on a Mac is Ctrl in the desktop", async () => {
  const page = await openDesktop({
    before: async (page) => {
      await listening(page);
      await pretend(page, "MacIntel");
    },
  });
  await page.locator(SCREEN).focus();
  await keys(page);
  await page.keyboard.press("Meta+c");
  await page.keyboard.press("Meta+ArrowLeft");
  const control = (keysym) => ["+ffe3", `+${keysym}`, `-${keysym}`, "-ffe3"];
  assert.deepEqual(await keys(page), [...control("63"), ...control("ff51")]);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a clipboard that comes while nothing answers is not taken for what comes next", async () => {
  const page = await openDesktop({ before: halfOpen });
  await page.locator("[data-latency]", { hasText: /^\d+ ms$/ }).waitFor();
  // A text of one letter in a clipboard, packed and given; and a bell. Made before, as the connection is soon replaced.
  await page.evaluate(async () => {
    const packing = new Blob([new Uint8Array([0, 0, 0, 1, 97])]).stream().pipeThrough(new CompressionStream("deflate"));
    const packed = new Uint8Array(await new Response(packing).arrayBuffer());
    window.late = new Uint8Array([3, 0, 0, 0, 255, 255, 255, 256 - 4 - packed.length, 0x10, 0, 0, 1, ...packed, 2]);
    window.gone = true;
  });
  await page.locator("rolltop-screen[data-status=unanswering]").waitFor();
  await page.evaluate(() => {
    window.screenSocket.dispatchEvent(new MessageEvent("message", { data: window.late.buffer }));
    window.gone = false;
  });
  await page.locator("rolltop-screen[data-status=connected]").waitFor();
  await page.waitForFunction(() => document.querySelector("#clipboard-text").value === "a");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a text that is too long for a desktop's clipboard is said, and one of a megabyte goes", async () => {
  const page = await openDesktop();
  const paste = async (length) => {
    await page.evaluate((count) => navigator.clipboard.writeText("x".repeat(count)), length);
    await page.locator(SCREEN).focus();
    await page.keyboard.press("Control+v");
  };
  await paste(1 << 20);
  await clipboardHas(server, "research", 1 << 20);
  await paste(4 << 20);
  await page.locator(".toast", { hasText: "too long for the clipboard" }).waitFor();
  await page.context().close();
});

test("an emoji is one letter", async () => {
  const page = await openDesktop({ before: listening, size: { width: 390, height: 844 } });
  const area = page.locator("[data-soft-keyboard]");
  await page.evaluate(() => {
    // The keyboard's button ties it to the screen.
    document.querySelector("[data-screen-keyboard]").click();
  });
  await keys(page);
  const write = (change) =>
    area.evaluate((field, [from, to]) => {
      field.value = field.value.slice(0, field.value.length - from.length) + to;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }, change);
  await write(["", "😀"]);
  assert.deepEqual(await keys(page), ["+101f600", "-101f600"]);
  await write(["😀", "😁"]);
  assert.deepEqual(await keys(page), ["+ff08", "-ff08", "+101f601", "-101f601"], "another with the same first half");
  await write(["😁", ""]);
  assert.deepEqual(await keys(page), ["+ff08", "-ff08"]);
  await page.context().close();
});

test("the picture is coarser where answers wait behind it, and better again where they do not", async () => {
  const { code } = await transform(readFileSync(new URL("../src/ts/screen-quality.ts", import.meta.url), "utf8"), {
    loader: "ts",
  });
  const { AutoQuality } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  const auto = new AutoQuality();
  let now = 0;
  const answers = (count, milliseconds, bytes) => {
    for (let at = 0; at < count; at += 1) {
      now += 1500;
      auto.answered(milliseconds, bytes, now);
    }
    return auto.level;
  };
  assert.equal(answers(20, 20, 200_000), "balanced", "however free the line is");
  assert.equal(answers(1, 900, 20_000), "balanced", "something else was slow");
  assert.equal(answers(1, 900, 200_000), "light");
  assert.equal(answers(6, 20, 60_000), "light", "not at once");
  assert.equal(answers(1, 20, 1000), "balanced");
  assert.equal(answers(1, 900, 200_000), "light");
  assert.equal(answers(2, 900, 200_000), "light");
  assert.equal(answers(13, 20, 1000), "light", "what proved too much is not tried again as soon");
  assert.equal(answers(1, 20, 1000), "balanced");
  // The line has become a longer one for good.
  assert.equal(answers(300, 240, 1000), "balanced");
  assert.equal(answers(1, 240, 480_001), "balanced");
  assert.equal(answers(1, 500, 480_001), "light");
});

test("a line that is full has a coarser picture sent, unless somebody chose one", async () => {
  // The first answer tells how quick the line can be; behind each later question comes a lot of the picture.
  const before = (page) =>
    page.addInitScript(() => {
      const picture = new DataView(new ArrayBuffer(16 + 256 * 64 * 4));
      picture.setUint16(2, 1);
      picture.setUint16(8, 256);
      picture.setUint16(10, 64);
      let asked = 0;
      const { send } = WebSocket.prototype;
      window.encodings = [];
      WebSocket.prototype.send = function (data) {
        if (typeof data !== "string" && new Uint8Array(data)[0] === 2)
          window.encodings.push(String(new Uint8Array(data)));
        if (typeof data !== "string" || !this.url.includes("/screen")) return send.call(this, data);
        asked += 1;
        if (asked === 1) return send.call(this, data);
        this.dispatchEvent(new MessageEvent("message", { data: picture.buffer }));
        setTimeout(() => send.call(this, data), 1500);
      };
    });
  const page = await openDesktop({ before });
  const has = (level) => page.locator(`rolltop-screen[data-quality=${level}]`).waitFor();
  await has("balanced");
  await has("light");
  const encodings = () => page.evaluate(() => window.encodings.at(-1));
  assert.match(await encodings(), /255,255,255,226/, "JPEG quality 2");
  await page.locator("#quality-button").click();
  assert.equal(await page.locator("#quality-auto").getAttribute("aria-checked"), "true");
  await page.locator("#quality-sharp").click();
  await has("sharp");
  assert.match(await encodings(), /255,255,255,233/, "JPEG quality 9");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the tab is called what the desktop is called", async () => {
  const page = await openDesktop();
  assert.equal(await page.title(), "research · Rolltop");
  await page.getByRole("button", { name: "Actions for research" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.locator("#rename-name").fill("searched");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.title === "searched · Rolltop");
  await page.getByRole("heading", { level: 1, name: "searched" }).waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
