// Bundles every page script into src/parley/web/static/dist, with hashed names and manifest.json.
//
// What is bundled follows from file names; adding a page needs no edit here:
//   <folder>/main.ts             an ES module named <folder>
//   <folder>/<part>.main.ts      an ES module named <folder>-<part>
//   <folder>/main.css            a style sheet of its own named <folder>-style
//   <folder>/<part>.classic.ts   one self-contained classic script named <folder>-<part>, no imports left
// `icons.svg` is the sprite; `npm run icons` makes it anew from the names in icons.txt.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.resolve(here, "../src/parley/web/static/dist");
const watching = process.argv.includes("--watch");
const out = watching ? dist : `${dist}.new`;

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const { modules, classics } = entries();
const manifest = { ...sprite() };
if (Object.keys(modules).length) await bundleModules();
for (const [name, file] of Object.entries(classics)) await bundleClassic(name, file);
writeManifest();
if (!watching) swap();

// A server that is running keeps finding whole sets of files.
function swap() {
  rmSync(dist, { recursive: true, force: true });
  renameSync(out, dist);
}

function entries() {
  const modules = {};
  const classics = {};
  for (const folder of readdirSync(here, { withFileTypes: true })) {
    if (!folder.isDirectory() || folder.name === "node_modules") continue;
    for (const file of readdirSync(path.join(here, folder.name))) {
      const [, part, kind] = file.match(/^(?:(.+)\.)?(main\.ts|main\.css|classic\.ts)$/) ?? [];
      if (!kind) continue;
      const name = [folder.name, part, kind === "main.css" ? "style" : ""].filter(Boolean).join("-");
      (kind === "classic.ts" ? classics : modules)[name] = path.join(here, folder.name, file);
    }
  }
  return { modules, classics };
}

function settings(extra) {
  return {
    root: here,
    base: "/static/dist/",
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    build: {
      outDir: out,
      emptyOutDir: false,
      target: "es2022",
      modulePreload: false,
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      watch: watching ? {} : null,
      ...extra,
    },
  };
}

async function bundleModules() {
  await build({
    ...settings({
      manifest: "modules.json",
      rollupOptions: {
        input: modules,
        output: {
          entryFileNames: "[name]-[hash].js",
          chunkFileNames: "part-[hash].js",
          assetFileNames: "[name]-[hash][extname]",
        },
      },
    }),
    plugins: watching ? [{ name: "manifest", writeBundle: writeManifest }] : [],
  });
}

async function bundleClassic(name, file) {
  const made = await build(
    settings({ write: false, watch: null, lib: { entry: file, formats: ["iife"], name: name.replaceAll("-", "_") } }),
  );
  for (const piece of [made].flat().flatMap((bundle) => bundle.output)) {
    const text = piece.type === "chunk" ? piece.code : piece.source;
    const kind = path.extname(piece.fileName);
    manifest[kind === ".css" ? `${name}-style` : name] = { file: write(name, kind, text) };
  }
}

function write(name, extension, text) {
  const hash = createHash("sha256").update(text).digest("base64url").slice(0, 8);
  const file = `${name}-${hash}${extension}`;
  writeFileSync(path.join(out, file), text);
  return file;
}

// The icons in use, as symbols of one file that pages point into (see icons.mjs).
function sprite() {
  return { icons: { file: write("icons", ".svg", readFileSync(path.join(here, "icons.svg"), "utf8")) } };
}

// name → { file, css: [style sheets], imports: [modules to preload] }
function writeManifest() {
  const source = path.join(out, "modules.json");
  const made = existsSync(source) ? JSON.parse(readFileSync(source, "utf8")) : {};
  for (const piece of Object.values(made)) {
    if (!piece.isEntry) continue;
    const imports = (piece.imports ?? []).map((key) => made[key]);
    const css = [...imports.flatMap((part) => part.css ?? []), ...(piece.css ?? [])];
    manifest[piece.name] = { file: piece.file, css, imports: imports.map((part) => part.file) };
  }
  writeFileSync(path.join(out, "manifest.json"), JSON.stringify(manifest, null, 1));
}
