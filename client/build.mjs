// Bundles the client, and its tests for Node's own runner; called by the npm scripts of package.json.
//
//   node build.mjs           src/main.ts -> tertulia/web/static/tertulia/app/main.js and lazy chunks,
//                            src/site.css -> app/site.css; each also gzipped, for servers that send it so
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

/** Writes the licences of every package that went into the bundle beside it, as they ask for. */
function writeLicences(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) packages.add(found[1]);
  }
  const texts = [...packages].sort().map((name) => `${name}\n\n${licenceOf(name)}\n`);
  writeFileSync(join(output, licences), texts.join(`\n${"-".repeat(80)}\n\n`));
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
function removeStale(metafile) {
  const outputs = Object.keys(metafile.outputs).map((path) => basename(path));
  const made = new Set([licences, ...outputs, ...outputs.map((name) => `${name}.gz`)]);
  for (const name of readdirSync(output)) {
    if (!made.has(name)) rmSync(join(output, name), { recursive: true });
  }
}

function report(metafile) {
  const entry = readFileSync(join(output, "main.js"));
  const chunks = Object.keys(metafile.outputs).filter((path) => path.endsWith(".js")).length - 1;
  console.log(`main.js ${kilobytes(entry)} KB, ${kilobytes(gzipSync(entry))} KB gzipped; ${chunks} more chunks`);
}

const kilobytes = (bytes) => (bytes.length / 1000).toFixed(1);

async function buildApplication() {
  const { metafile } = await esbuild.build(application);
  writeLicences(metafile);
  writeCompressed(metafile);
  removeStale(metafile);
  report(metafile);
}

async function watchApplication() {
  // The compressed copies of an earlier build would be served in place of what is written now.
  for (const name of globSync("*.gz", { cwd: output })) rmSync(join(output, name));
  const context = await esbuild.context({ ...application, logLevel: "info" });
  await context.watch();
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
