// Previews in a real browser, over the simulated engine: a page and a WebSocket from inside a desktop at an
// origin of their own, and a hostile page there that tries what it can against Rolltop and its neighbours.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { PATIENCE, api, eventually, signIn, startBrowser, startRolltop } from "./platform.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const pictures = new URL("out/", import.meta.url).pathname;
const WINDOW = { ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } };
let rolltop, browser, context, page, first, second;

// To a browser `localhost` and what is before it are different sites; a name as people have it is one.
const NAME = "desk.test";
const at = (label, path = "/", host = "localhost") => `https://${label}.${host}:${new URL(rolltop.url).port}${path}`;

async function ask(method, path, data) {
  const answer = await api(page, rolltop, path, method, data);
  assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`);
  return answer.status() === 204 ? undefined : answer.json();
}

const put = (id, path, text) => ask("PUT", `/v1/desktops/${id}/files/content?path=/home/desk/site/${path}`, text);
const names = async () => (await ask("GET", "/v1/desktops")).items.map(({ name }) => name).sort();

async function desktop(name) {
  const { id } = await ask("POST", "/v1/desktops", { name });
  await eventually(`${name} runs`, async () => (await ask("GET", `/v1/desktops/${id}`)).state === "running");
  return id;
}

before(async () => {
  mkdirSync(pictures, { recursive: true });
  rolltop = await startRolltop("sim");
  browser = await startBrowser([`--host-resolver-rules=MAP ${NAME} 127.0.0.1,MAP *.${NAME} 127.0.0.1`]);
  context = await browser.newContext(WINDOW);
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await signIn(page, rolltop);
  first = await desktop("first");
  second = await desktop("second");
  await put(first, "index.html", `<!doctype html><html lang="en"><meta charset="utf-8"><title>Inside</title>
    <h1>From inside first</h1><p id="said"></p><script src="/page.js"></script></html>`);
  await put(first, "page.js", `const socket = new WebSocket("wss://" + location.host + "/socket", "chat");
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => { document.querySelector("#said").textContent = "it says " + data; };`);
  await put(second, "index.html", `<!doctype html><html lang="en"><title>Hostile</title><h1>Hostile</h1></html>`);
  await put(second, "worker.js", "self.onfetch = () => {};");
}, { timeout: PATIENCE });

after(async () => {
  await browser?.close();
  await rolltop?.stop();
});

test("a page and its WebSocket are shown to whoever is signed in", { timeout: PATIENCE }, async () => {
  const preview = await context.newPage();
  await preview.goto(at("3000--first", "/?a=b"));
  assert.equal(preview.url(), at("3000--first", "/?a=b"), "no ticket is left in the address");
  await preview.getByText("From inside first").waitFor();
  await preview.getByText("it says hello").waitFor();
  const told = await (await preview.goto(at("3000--first", "/headers"))).json();
  const headers = new Map(told.headers);
  assert.equal(headers.get("host"), "localhost:3000");
  // What frameworks compare with it says the same, or nothing.
  for (const name of ["x-forwarded-host", "x-forwarded-proto", "forwarded"]) assert.equal(headers.get(name), undefined, name);
  assert.equal(headers.get("x-rolltop-preview"), new URL(at("3000--first")).origin);
  told.headers = told.headers.filter(([name]) => name !== "x-rolltop-preview");
  assert.ok(!JSON.stringify(told).includes("olltop"), `nothing of ours: ${JSON.stringify(told)}`);
  const cookies = await context.cookies(at("3000--first"));
  const pass = cookies.find(({ name }) => name === "__Host-rolltop-preview");
  assert.deepEqual([pass.httpOnly, pass.secure, pass.sameSite, pass.domain], [true, true, "Lax", new URL(at("3000--first")).hostname]);
  assert.ok(!cookies.some(({ name }) => name === "__Host-rolltop"));
  const used = await page.request.get(`${rolltop.url}/v1/me`, { headers: { Authorization: `Bearer ${pass.value}`, Cookie: "" } });
  assert.equal(used.status(), 401, "a pass is of no use at the API");
  await preview.close();
});

test("who is not signed in is led through signing in, and to the page", { timeout: PATIENCE }, async () => {
  const other = await browser.newContext(WINDOW);
  const visitor = await other.newPage();
  await visitor.goto(at("3000--first", "/?deep=1"));
  assert.equal(new URL(visitor.url()).origin, rolltop.url);
  await visitor.getByLabel("Name").fill("sam");
  await visitor.getByLabel("Password").fill("correct horse battery");
  await visitor.getByRole("button", { name: "Sign in" }).click();
  await visitor.waitForURL(at("3000--first", "/?deep=1"));
  await visitor.getByText("it says hello").waitFor();
  await other.close();
});

test("nothing listens: the page says so, and opens by itself once something does", { timeout: PATIENCE }, async () => {
  const preview = await context.newPage();
  await preview.goto(at("8000--first"));
  await preview.getByRole("heading", { name: "Nothing listens on port 8000 yet" }).waitFor();
  for (const scheme of ["light", "dark"]) {
    for (const [place, size] of Object.entries({ desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } })) {
      await preview.setViewportSize(size);
      await preview.emulateMedia({ colorScheme: scheme });
      await preview.screenshot({ path: join(pictures, `preview-waiting-${scheme}-${place}.png`) });
      await preview.evaluate(axe);
      const { violations } = await preview.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`), []);
    }
  }
  await page.goto(`${rolltop.url}/desktops/${first}#terminal`);
  await eventually("a prompt", async () => (await page.locator(".xterm-rows").first().innerText()).includes("desk@first"), 30_000);
  await page.locator(".xterm-helper-textarea").first().focus();
  await page.keyboard.type("python3 -m http.server 8000\n");
  await preview.getByText("From inside first").waitFor();
  await preview.close();
});

for (const scheme of ["light", "dark"]) {
  for (const [place, size] of Object.entries({ desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } })) {
    test(`the Ports tab, ${scheme}, ${place}`, { timeout: PATIENCE }, async () => {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme: scheme });
      await page.goto(`${rolltop.url}/desktops/${first}#ports`);
      await page.reload();
      await page.locator("#ports-now li", { hasText: "node" }).waitFor();
      await page.screenshot({ path: join(pictures, `ports-${scheme}-${place}.png`) });
      await page.evaluate(axe);
      const found = async () => {
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
        return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`));
      };
      assert.deepEqual(await found(), []);
      await page.locator("#ports-now li", { hasText: "node" }).getByRole("button", { name: "Share" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("1 day").check();
      await page.screenshot({ path: join(pictures, `share-${scheme}-${place}.png`) });
      assert.deepEqual(await found(), []);
      await dialog.getByRole("button", { name: "Make a link" }).click();
      const link = await dialog.locator("#share-link").innerText();
      assert.ok(link.startsWith(at("3000--first", "/.rolltop/share/rh_")), link);
      await page.screenshot({ path: join(pictures, `shared-${scheme}-${place}.png`) });
      await dialog.getByRole("button", { name: "Close" }).last().click();
      await page.locator("#ports-now").getByRole("button", { name: "Revoke" }).click();
      await page.getByText("Only members of the workspace see previews").waitFor();
      await page.setViewportSize({ width: 1440, height: 900 });
    });
  }
}

test("the tab opens a preview", { timeout: PATIENCE }, async () => {
  const [preview] = await Promise.all([
    context.waitForEvent("page"),
    page.getByRole("link", { name: "Open port 3000" }).click(),
  ]);
  await preview.getByText("it says hello").waitFor();
  assert.equal(preview.url(), at("3000--first"));
  await preview.close();
});

test("a share link opens one port without an account until it is revoked", { timeout: PATIENCE }, async () => {
  const share = await ask("POST", `/v1/desktops/${first}/shares`, { port: 3000, lasts_seconds: 3600 });
  const other = await browser.newContext(WINDOW);
  const visitor = await other.newPage();
  await visitor.goto(at(share.address, share.path));
  assert.equal(visitor.url(), at("3000--first"), "the secret has left the address");
  await visitor.getByText("it says hello").waitFor();
  await visitor.goto(at("8000--first"));
  assert.equal(new URL(visitor.url()).pathname, "/sign-in", "another port is not open to them");
  await ask("DELETE", `/v1/desktops/${first}/shares/${share.id}`);
  await visitor.goto(at("3000--first"));
  assert.equal(new URL(visitor.url()).pathname, "/sign-in");
  await visitor.goto(at(share.address, share.path));
  await visitor.getByRole("heading", { name: "This link does not work any more" }).waitFor();
  await other.close();
});

test("a hostile page gets nothing of Rolltop's and nothing of its neighbours'", { timeout: PATIENCE }, async () => {
  const before = await names();
  const context = await browser.newContext(WINDOW);
  const main = rolltop.url.replace("localhost", NAME);
  const ours = await context.newPage();
  await ours.goto(`${main}/sign-in`);
  await ours.getByLabel("Name").fill("sam");
  await ours.getByLabel("Password").fill("correct horse battery");
  await ours.getByRole("button", { name: "Sign in" }).click();
  await ours.getByRole("link", { name: "first", exact: true }).first().waitFor();
  // The neighbour's pass is in this browser, so only the checks can keep the page from using it.
  const neighbour = await context.newPage();
  await neighbour.goto(at("3000--first", "/", NAME));
  await neighbour.close();
  const hostile = await context.newPage();
  // What the server answered, whether or not the browser let the page see it.
  const asked = new Map();
  const answered = [];
  const debug = await context.newCDPSession(hostile);
  debug.on("Network.requestWillBeSent", ({ requestId, request }) => asked.set(requestId, `${request.method} ${request.url}`));
  debug.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) =>
    answered.push({ requestId, statusCode, what: asked.get(requestId) }));
  await debug.send("Network.enable");
  await hostile.goto(at("3000--second", "/", NAME));
  await hostile.getByText("Hostile").waitFor();
  const got = await hostile.evaluate(async ({ main, first, near }) => {
    const soon = (promise) => Promise.race([promise, new Promise((resolve) => setTimeout(() => resolve("nothing"), 4000))]);
    const fetched = (url, options) => fetch(url, { credentials: "include", ...options }).then(
      (answer) => `${answer.type} ${answer.status}`, () => "refused");
    const socket = (url, protocol) => soon(new Promise((resolve) => {
      const opened = new WebSocket(url, protocol);
      opened.onopen = () => resolve("open");
      opened.onerror = () => resolve("refused");
    }));
    const framed = (url) => soon(new Promise((resolve) => {
      const frame = document.createElement("iframe");
      frame.src = url;
      frame.onload = () => {
        let seen = "unreadable";
        try { seen = frame.contentDocument ? frame.contentDocument.body.innerText : "unreadable"; } catch { /* as it should be */ }
        resolve(seen);
      };
      document.body.append(frame);
    }));
    const got = {};
    document.cookie = "__Host-rolltop=evil; Secure; Path=/; Domain=desk.test";
    document.cookie = "__Host-rolltop-preview=evil; Secure; Path=/";
    got.cookie = document.cookie;
    got.read = await fetched(`${main}/v1/me`);
    got.readBlind = await fetched(`${main}/v1/me`, { mode: "no-cors" });
    got.made = await fetched(`${main}/v1/desktops`, { method: "POST", headers: { "content-type": "application/json" }, body: '{"name":"stolen"}' });
    got.madeBlind = await fetched(`${main}/desktops`, { method: "POST", mode: "no-cors", body: new URLSearchParams({ name: "stolen" }) });
    got.ticket = await fetched(`${main}/preview/open?address=3000--first&to=/`);
    got.ticketBlind = await fetched(`${main}/preview/open?address=3000--first&to=/`, { mode: "no-cors" });
    got.screen = await socket(`${main.replace("https", "wss")}/v1/desktops/${first}/screen`, "binary");
    got.tunnel = await socket(`${main.replace("https", "wss")}/v1/desktops/${first}/ports/3000`, "rolltop.tcp.1");
    got.frame = await framed(`${main}/desktops`);
    got.neighbour = await fetched(`${near}/`);
    got.neighbourBlind = await fetched(`${near}/headers`, { mode: "no-cors", method: "POST" });
    got.neighbourSocket = await socket(`${near.replace("https", "wss")}/socket`, "chat");
    got.neighbourFrame = await framed(`${near}/`);
    got.worker = await navigator.serviceWorker.register("/worker.js").then(() => "registered", () => "refused");
    try { document.domain = "desk.test"; got.domain = document.domain; } catch { got.domain = "refused"; }
    got.passRead = await fetched("/.rolltop/open?ticket=rv_x&to=/");
    return got;
  }, { main, first, near: new URL(at("3000--first", "/", NAME)).origin });
  assert.ok(!got.cookie.includes("olltop"), got.cookie);
  for (const what of ["read", "readBlind", "made", "ticket", "neighbour", "screen", "tunnel", "neighbourSocket", "worker"]) {
    assert.ok(["refused", "opaque 0"].includes(got[what]), `${what}: ${got[what]}`);
  }
  assert.equal(got.frame, "unreadable");
  assert.ok(!got.neighbourFrame.includes("From inside"), got.neighbourFrame);
  assert.equal(got.passRead, "basic 403");
  // What is told of an answer may come before its request is.
  const statuses = answered.map(({ requestId, statusCode, what }) => `${statusCode} ${what ?? asked.get(requestId)}`);
  // For the right reason: the server has refused them, not only the browser hidden the answers.
  for (const [method, path] of [
    ["GET", `${main}/v1/me`], ["POST", `${main}/desktops`], ["GET", `${main}/preview/open?address=3000--first&to=/`],
    ["GET", at("3000--first", "/", NAME)], ["POST", at("3000--first", "/headers", NAME)],
  ]) {
    const codes = statuses.filter((line) => line.endsWith(` ${method} ${path}`)).map((line) => line.slice(0, 3));
    assert.ok(codes.length > 0 && codes.every((code) => code === "403"), `${method} ${path}: ${codes} of ${JSON.stringify(statuses)}`);
  }

  // A window of ours: neither side has a hold of the other.
  const [opened] = await Promise.all([
    context.waitForEvent("page"),
    hostile.evaluate((url) => { window.theirs = window.open(url); }, `${main}/desktops`),
  ]);
  await opened.getByRole("link", { name: "first", exact: true }).first().waitFor();
  assert.equal(await opened.evaluate(() => window.opener), null);
  assert.equal(await hostile.evaluate(() => window.theirs.closed), true, "to its opener it is gone");
  await opened.close();

  // A form, as a window goes: refused by its origin.
  const [formed] = await Promise.all([
    context.waitForEvent("page"),
    hostile.evaluate((url) => {
      const form = Object.assign(document.createElement("form"), { method: "post", action: url, target: "_blank" });
      form.append(Object.assign(document.createElement("input"), { name: "name", value: "stolen" }));
      document.body.append(form);
      form.submit();
    }, `${main}/desktops`),
  ]);
  await formed.getByText("did not come from").or(formed.getByText("another site")).first().waitFor({ timeout: 10_000 }).catch(() => undefined);
  await formed.close();

  // What its server sends reaches no further than itself.
  const answer = "/answer?set-cookie=toss%3D1%3B%20Domain%3Ddesk.test%3B%20Path%3D/&set-cookie=__Host-rolltop-preview%3Devil%3B%20Path%3D/%3B%20Secure&clear-site-data=%22*%22&strict-transport-security=max-age%3D99";
  await hostile.goto(at("3000--second", answer, NAME));
  await hostile.getByText("answered").waitFor();
  const cookies = await context.cookies();
  // The script's own attempt above is refused by the browser, for its name; the server's by us.
  assert.ok(!cookies.some(({ domain }) => domain === `.${NAME}`), JSON.stringify(cookies.map(({ name, domain }) => [name, domain])));
  assert.ok(!cookies.some(({ value }) => value === "evil"));
  await hostile.close();
  await ours.goto(`${main}/desktops`);
  await ours.getByRole("link", { name: "first", exact: true }).first().waitFor();
  await context.close();
  assert.deepEqual(await names(), before, "nothing was made");
});

test("signing out closes what was open", { timeout: PATIENCE }, async () => {
  const preview = await context.newPage();
  await preview.goto(at("3000--first"));
  await preview.getByText("it says hello").waitFor();
  const gone = await page.request.post(`${rolltop.url}/sign-out`, { headers: { Origin: rolltop.url, "Sec-Fetch-Site": "same-origin" } });
  assert.equal(gone.status(), 204);
  await preview.goto(at("3000--first"));
  assert.equal(new URL(preview.url()).pathname, "/sign-in");
});
