// The export with its progress: the server says how many files there will be, and they are counted as they arrive.

import type { Http } from "../api/http.ts";
import { FileCounter } from "../model/archive.ts";
import { need } from "../render/dom.ts";
import { fill } from "../words.ts";

const MEGABYTE = 1_000_000;

export function startExport(http: Http): void {
  const place = document.querySelector<HTMLElement>("[data-export]");
  if (!place) return;
  const start = need<HTMLAnchorElement>("[data-export-start]", place);
  const stop = need("[data-export-stop]", place);
  start.addEventListener("click", (event) => {
    event.preventDefault();
    if (!stop.hidden) return; // one at a time
    const leaving = new AbortController();
    stop.onclick = () => leaving.abort();
    void run(place, http, start.href, leaving.signal);
  });
}

async function run(place: HTMLElement, http: Http, url: string, signal: AbortSignal): Promise<void> {
  show(place, ["stop", "progress"]);
  try {
    const response = await http.call(url, { accept: "application/zip", signal });
    const pieces = await received(response, place);
    save(new Blob(pieces, { type: "application/zip" }), nameOf(response));
    show(place, ["done"]);
  } catch {
    show(place, signal.aborted ? [] : ["broken"]);
  }
}

/** The whole body, its progress shown. */
async function received(response: Response, place: HTMLElement): Promise<BlobPart[]> {
  const total = Number(response.headers.get("X-Export-Files"));
  const counter = new FileCounter();
  const pieces: BlobPart[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    counter.add(read.value);
    pieces.push(read.value);
    size += read.value.length;
    showProgress(place, Math.min(counter.count, total), total, size);
  }
  return pieces;
}

function showProgress(place: HTMLElement, done: number, total: number, size: number): void {
  const bar = need<HTMLProgressElement>("progress", place);
  bar.max = total;
  bar.value = done;
  const words = need("[data-export-words]", place);
  const megabytes = (size / MEGABYTE).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });
  words.textContent = fill(words.dataset["exportWords"] ?? "", { done, total, size: megabytes });
}

/** Shows these parts of the place and hides the others. */
function show(place: HTMLElement, names: readonly string[]): void {
  for (const name of ["stop", "progress", "done", "broken"])
    need(`[data-export-${name}]`, place).hidden = !names.includes(name);
}

function nameOf(response: Response): string {
  return /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "tertulia.zip";
}

function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
