// The web tier in front of a whole platform with simulated machines, or of a stand-in for its API, and a real browser to
// look at it with.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const TOKEN = "ses_standin";
/** The sessions of platforms, by their addresses. */
const sessions = new Map();
/** Long, because the machine may be busy; nothing waits longer than it has to. */
const DEADLINE = 30_000;

export const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

/** Starts the stand-in; `listen` may name a port to come back on, `with_` what else is peculiar to it. */
export async function startServer({ listen = "127.0.0.1:0", desktops = true, with_ = [] } = {}) {
  const { lines, stop } = run(process.env.ROLLTOP_STAND_IN, "rolltop-web-server", "stand_in", [
    listen,
    ...(desktops ? [] : ["empty"]),
    ...with_,
  ]);
  return { url: await lines(), stop };
}

/** Starts a platform with simulated machines and no desktops, whose owner is `sam`. */
export async function startPlatform() {
  const { lines, stop } = run(process.env.ROLLTOP_PAGES, "rolltop-testing", "pages", ["127.0.0.1:0"]);
  const url = await lines();
  sessions.set(url, await lines());
  return { url, stop };
}

/** Runs an example, built already or by cargo; `lines` gives what it prints, line by line. */
function run(program, crate, example, arguments_) {
  const [command, ...words] = program
    ? [program, ...arguments_]
    : ["cargo", "run", "-q", "-p", crate, "--example", example, "--", ...arguments_];
  const child = spawn(command, words, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const printed = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const lines = async () => {
    const { value, done } = await printed.next();
    if (done) throw new Error(`${example} ended with ${child.exitCode}`);
    return value;
  };
  const stop = () =>
    new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGINT");
    });
  return { lines, stop };
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
      { name: "__Host-rolltop", value: sessions.get(url) ?? TOKEN, url, secure: true, httpOnly: true, sameSite: "Lax" },
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
