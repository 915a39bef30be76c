// Bundles the client, and its tests for Node's own runner; called by the npm scripts of package.json.
//
//   node build.mjs           src/main.ts -> tertulia/web/static/tertulia/app/main.js and lazy chunks,
//                            src/site.css -> app/site.css; src/embed -> app/embed; each also gzipped, for servers that
//                            send it so
//   node build.mjs --watch   the same, unminified with source maps, again at every change
//   node build.mjs --tests   tests/**/*.test.ts -> .tests/, then runs them

import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const output = join(here, "../tertulia/web/static/tertulia/app");
const tests = join(here, ".tests");
const licences = "LICENSES.txt";
const watching = process.argv.includes("--watch");

const shared = { absWorkingDir: here, bundle: true, format: "esm", target: "es2022", logLevel: "warning" };

const application = {
  ...shared,
  entryPoints: { main: "src/main.ts", site: "src/site.css" },
  outdir: output,
  splitting: true, // a dynamic import becomes a file that is loaded when it is first needed
  chunkNames: "[name]-[hash]",
  minify: !watching,
  sourcemap: watching,
  legalComments: "none", // LICENSES.txt has them whole
  metafile: true,
  charset: "utf8",
};

// By itself in a folder: what a foreign page loads shares no file with our own pages, which would cost them a request.
const embedding = {
  ...application,
  entryPoints: [
    { in: "src/embed/element.ts", out: "embed" },
    { in: "src/embed/embed.css", out: "embed" },
    { in: "src/embed/page.css", out: "page" },
  ],
  outdir: join(output, "embed"),
};

/** Writes the licences of every package that went into the bundle beside it, as they ask for. */
function writeLicences(metafile, folder) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  const texts = [...packages].sort().map((name) => `${name}\n\n${licenceOf(name)}\n`);
  writeFileSync(join(folder, licences), texts.join(`\n${"-".repeat(80)}\n\n`));
}

function licenceOf(name) {
  const files = globSync("LICEN[CS]E*", { cwd: join(here, "node_modules", name) }).sort();
  if (files.length === 0) throw new Error(`${name} has no licence file`);
  return files.map((file) => readFileSync(join(here, "node_modules", name, file), "utf8").trim()).join("\n\n");
}

/** A smaller copy beside every file, made once instead of at every request. */
function writeCompressed(metafile) {
  for (const path of Object.keys(metafile.outputs)) {
    writeFileSync(join(here, `${path}.gz`), gzipSync(readFileSync(join(here, path)), { level: 9 }));
  }
}

/** Removes what an earlier build left, after the new files are in place: a running page finds its chunks. */
function removeStale(metafile, folder) {
  const outputs = Object.keys(metafile.outputs).map((path) => basename(path));
  const made = new Set([licences, ...outputs, ...outputs.map((name) => `${name}.gz`)]);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isFile() && !made.has(entry.name)) rmSync(join(folder, entry.name));
  }
}

function report(metafile, folder, name) {
  const entry = readFileSync(join(folder, name));
  const chunks = Object.keys(metafile.outputs).filter((path) => path.endsWith(".js")).length - 1;
  console.log(`${name} ${kilobytes(entry)} KB, ${kilobytes(gzipSync(entry))} KB gzipped; ${chunks} more chunks`);
}

const kilobytes = (bytes) => (bytes.length / 1000).toFixed(1);

async function buildApplication() {
  await build(application, "main.js");
  await build(embedding, "embed.js");
}

async function build(options, entry) {
  const { metafile } = await esbuild.build(options);
  writeLicences(metafile, options.outdir);
  writeCompressed(metafile);
  removeStale(metafile, options.outdir);
  report(metafile, options.outdir, entry);
}

async function watchApplication() {
  // The compressed copies of an earlier build would be served in place of what is written now.
  for (const name of globSync("**/*.gz", { cwd: output })) rmSync(join(output, name));
  for (const options of [application, embedding]) {
    const context = await esbuild.context({ ...options, logLevel: "info" });
    await context.watch();
  }
}

async function runTests() {
  const sources = globSync("tests/**/*.test.ts", { cwd: here });
  if (sources.length === 0) return console.log("no client tests");
  if (existsSync(tests)) rmSync(tests, { recursive: true });
  await esbuild.build({
    ...shared,
    entryPoints: sources,
    outdir: tests,
    outExtension: { ".js": ".mjs" },
    platform: "node",
    packages: "external",
    sourcemap: "inline",
  });
  const bundled = globSync("**/*.test.mjs", { cwd: tests }).map((name) => join(tests, name));
  const options = ["--enable-source-maps", "--test", "--test-reporter=dot"];
  process.exitCode = spawnSync(process.execPath, [...options, ...bundled], { stdio: "inherit" }).status ?? 1;
}

if (process.argv.includes("--tests")) await runTests();
else if (watching) await watchApplication();
else await buildApplication();
