// Builds everything the web server hands to a browser into dist/: styles by Tailwind's CLI,
// scripts by esbuild, fonts, the mark, the icons as data. Names carry a digest of their
// content, so they may be cached for ever; manifest.json maps plain names to them.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const dist = join(here, "dist");
const manifest = {};

/** Writes one file under a name with a digest in it, with compressed twins where that pays. */
function emit(name, content) {
  const bytes = Buffer.from(content);
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const extension = extname(name);
  const hashed = `${name.slice(0, -extension.length)}-${digest}${extension}`;
  writeFileSync(join(dist, hashed), bytes);
  if (extension !== ".woff2") {
    writeFileSync(join(dist, `${hashed}.gz`), gzipSync(bytes, { level: 9 }));
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
    writeFileSync(join(dist, `${hashed}.br`), brotliCompressSync(bytes, quality));
  }
  manifest[name] = hashed;
  return hashed;
}

/** The fonts' Latin and Latin-extended cuts; other scripts fall back to the system's. */
function fonts() {
  const cuts = [
    ["@fontsource-variable/inter", "inter-latin-wght-normal.woff2"],
    ["@fontsource-variable/inter", "inter-latin-ext-wght-normal.woff2"],
    ["@fontsource-variable/jetbrains-mono", "jetbrains-mono-latin-wght-normal.woff2"],
  ];
  for (const [pkg, file] of cuts) emit(file, readFileSync(join(modules, pkg, "files", file)));
}

function styles() {
  const scratch = mkdtempSync(join(tmpdir(), "rolltop-web-"));
  const out = join(scratch, "app.css");
  const cli = join(modules, "@tailwindcss/cli/dist/index.mjs");
  execFileSync(process.execPath, [cli, "-i", join(here, "src/css/app.css"), "-o", out, "--minify"], {
    cwd: here,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const css = readFileSync(out, "utf8").replace(
    /url\((["']?)font:([^"')]+)\1\)/g,
    (_, __, name) => `url(${manifest[name]})`,
  );
  rmSync(scratch, { recursive: true });
  emit("app.css", css);
}

async function scripts() {
  const shared = {
    bundle: true,
    minify: true,
    write: false,
    target: ["es2022"],
    legalComments: "none",
    logLevel: "warning",
    outdir: dist,
  };
  const source = (name) => join(here, "src/ts", name);
  const modulesOut = await build({
    ...shared,
    format: "esm",
    entryPoints: ["app.ts", "screen.ts", "terminal.ts", "files.ts", "files-pdf.ts", "preview-wait.ts", "usage.ts"].map(
      source,
    ),
  });
  emit("pdf-worker.js", readFileSync(join(modules, "pdfjs-dist/legacy/build/pdf.worker.min.mjs")));
  const theme = await build({ ...shared, format: "iife", entryPoints: [source("theme.ts")] });
  for (const file of [...modulesOut.outputFiles, ...theme.outputFiles]) {
    emit(file.path.slice(dist.length + 1), file.contents);
  }
}

/** The insides of each icon we use, for the server to put inline. */
function icons() {
  const names = JSON.parse(readFileSync(join(here, "src/icons.json"), "utf8"));
  const data = {};
  for (const name of names) {
    const svg = readFileSync(join(modules, "lucide-static/icons", `${name}.svg`), "utf8");
    data[name] = svg
      .replace(/<!--[\s\S]*?-->/g, "")
      .replace(/^[\s\S]*?<svg[^>]*>|<\/svg>[\s\S]*$/g, "")
      .replace(/\s*\n\s*/g, "");
  }
  writeFileSync(join(dist, "icons.json"), JSON.stringify(data));
}

function pictures() {
  for (const file of readdirSync(join(here, "src/svg"))) emit(file, readFileSync(join(here, "src/svg", file)));
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
fonts();
styles();
await scripts();
icons();
pictures();
writeFileSync(join(dist, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
