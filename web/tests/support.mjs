// A whole platform with simulated machines, and a real browser to look at its pages with.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
/** The sessions of platforms, by their addresses. */
const sessions = new Map();
/** Long, because the machine may be busy; nothing waits longer than it has to. */
const DEADLINE = 30_000;

export const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

/**
 * Starts a platform with simulated machines, whose owner is `sam`: with one desktop in every state where it is `furnished`,
 * and with `desktops` of these names that run. With `copies` there is a place for those off the host. `wish` says what else
 * is to be (`crates/testing/examples/pages.rs`).
 */
export async function startPlatform({ desktops = [], furnished = false, copies = false } = {}) {
  const { lines, say, stop } = run(["127.0.0.1:0", ...(copies ? ["copies"] : [])]);
  const url = await lines();
  sessions.set(url, await lines());
  const wish = async (what, more = {}) => {
    say(JSON.stringify({ do: what, ...more }));
    return JSON.parse(await lines());
  };
  if (furnished) await wish("furnish");
  if (desktops.length > 0) await wish("run", { names: desktops });
  return { url, wish, stop };
}

/** Runs the platform, built already or by cargo; `lines` gives what it prints, line by line, and `say` tells it a line. */
function run(arguments_) {
  const built = process.env.ROLLTOP_PAGES;
  const [command, ...words] = built
    ? [built, ...arguments_]
    : ["cargo", "run", "-q", "-p", "rolltop-testing", "--example", "pages", "--", ...arguments_];
  const child = spawn(command, words, { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
  const printed = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const lines = async () => {
    const { value, done } = await printed.next();
    if (done) throw new Error(`the platform ended with ${child.exitCode}`);
    return value;
  };
  const say = (line) => child.stdin.write(`${line}\n`);
  const stop = () =>
    new Promise((resolve) => {
      if (child.exitCode !== null) return resolve();
      child.once("exit", resolve);
      child.kill("SIGINT");
    });
  return { lines, say, stop };
}

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.ROLLTOP_CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page of a browser of its own, signed in unless asked otherwise; collects what the console says. */
export async function openPage(
  browser,
  url,
  { signedIn = true, size = SIZES.desk, scheme = "light", language = "en-GB" } = {},
) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: size,
    colorScheme: scheme,
    locale: language,
    permissions: ["clipboard-read", "clipboard-write"],
  });
  context.setDefaultTimeout(DEADLINE);
  if (signedIn) {
    await context.addCookies([
      { name: "__Host-rolltop", value: sessions.get(url), url, secure: true, httpOnly: true, sameSite: "Lax" },
    ]);
  }
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy|htmx:/.test(message.text())) page.complaints.push(message.text());
  });
  page.visit = (path) => visit(page, url + path);
  return page;
}

/** Loads a page. A network interface that comes or goes on this machine makes Chromium drop what it is loading. */
async function visit(page, address) {
  for (let tries = 0; ; tries += 1) {
    try {
      await page.goto(address, { timeout: DEADLINE });
      // Chromium drops keys that come before a page has been painted.
      return await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    } catch (error) {
      if (tries >= 5 || !/ERR_NETWORK_CHANGED|interrupted/.test(String(error))) throw error;
    }
  }
}

/** The address of the page of the desktop with this name. */
export async function desktopPath(page, name) {
  const id = await page.evaluate(async (wanted) => {
    const { items } = await (await fetch("/v1/desktops")).json();
    return items.find((desktop) => desktop.name === wanted)?.id;
  }, name);
  return `/desktops/${id}`;
}

/** The code of a device that waits to be allowed. */
export function deviceCode(page) {
  return page.evaluate(async () => {
    const body = JSON.stringify({ client_name: "rolltop on laptop" });
    const headers = { "content-type": "application/json" };
    return (await (await fetch("/v1/login/device", { method: "POST", headers, body })).json()).user_code;
  });
}
