// A whole Rolltop and a real browser for one test file: started as an operator starts it, driven as
// a person uses it. Ends everything it started, desktops included.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));
const binary = process.env.ROLLTOPD ?? join(root, "target/debug/rolltopd");

/** How long anything may take: emulated guests on a busy machine are slow. */
export const PATIENCE = 240_000;

/**
 * @param {"qemu" | "sim"} engine
 * @returns {Promise<{link: string, url: string, apiKey: string, stop: () => Promise<void>}>}
 */
export async function startRolltop(engine) {
  if (!existsSync(binary)) throw new Error(`${binary} isn't built: run make test`);
  const data = mkdtempSync("/var/tmp/rolltop-test-");
  writeFileSync(
    join(data, "rolltop.toml"),
    '[host]\nfirst_uid = 360000\nbake = ["s"]\n[host.network]\nprefix = "rtb"\nrange = "100.104.0.0/16"\n',
  );
  if (engine === "qemu") {
    const templates = process.env.ROLLTOP_TEST_TEMPLATES;
    if (!templates) throw new Error("ROLLTOP_TEST_TEMPLATES must name the built templates: run make test");
    mkdirSync(join(data, "host"));
    symlinkSync(templates, join(data, "host/templates"));
  }
  const arguments_ = ["--data", data, "up", "--engine", engine, "--listen", "127.0.0.1:0", "--ssh-listen", "127.0.0.1:0"];
  const child = spawn(binary, arguments_, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const link = await new Promise((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      const found = line.match(/^Rolltop is ready: (https:\S+)$/);
      if (found) resolve(found[1]);
    });
    child.once("exit", (code) => reject(new Error(`rolltopd up ended with ${code} before it was ready`)));
  });
  return {
    link,
    url: new URL(link).origin,
    apiKey: spawnSync(binary, ["--data", data, "admin", "api-key"], { encoding: "utf8" }).stdout.trim(),
    async stop() {
      child.kill("SIGTERM");
      await ended;
      spawnSync(binary, ["--data", data, "host", "--engine", engine, "--clear"], { stdio: "inherit" });
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** A real Chromium that takes the self-made certificate, and may use the clipboard. @param {string[]} more */
export async function startBrowser(more = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync", ...more,
    ],
  });
}

/** Signs the owner in by the one-time link, choosing a password on the way. */
export async function signIn(page, rolltop) {
  await page.goto(rolltop.link);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Name").fill("sam");
  await page.getByLabel("New password").fill("correct horse battery");
  await page.getByLabel("The same again").fill("correct horse battery");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "New desktop" }).first().waitFor();
}

/** Asks the API as a program does; the certificate is self-made. */
export async function api(page, rolltop, path, method = "GET", data = undefined) {
  const headers = { Authorization: `Bearer ${rolltop.apiKey}` };
  return page.request.fetch(`${rolltop.url}${path}`, { method, headers, data });
}

/** Drops something of this machine's onto the files of a desktop's page, as from its own file manager. */
export async function drop(page, path) {
  const box = await page.locator("rolltop-files").boundingBox();
  const debug = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await debug.send("Input.dispatchDragEvent", { type, x: box.x + box.width / 2, y: box.y + box.height / 2, data });
  }
  await debug.detach();
}

/** Whether the answer becomes true within `limit` milliseconds. */
export async function settles(probe, limit) {
  return eventually("", probe, limit).then(() => true, () => false);
}

/** Asks again and again until the answer is true. */
export async function eventually(what, probe, limit = PATIENCE) {
  const end = Date.now() + limit;
  while (!(await probe())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${limit / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
