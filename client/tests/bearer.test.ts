// The login of a chat on a foreign page: kept for the tab, renewed once however many ask.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Http } from "../src/api/http.ts";
import { Problem, Unreachable } from "../src/api/problem.ts";
import { Bearer } from "../src/embed/bearer.ts";

const SERVER = "https://chat.example.org";
const KEY = `tertulia:login:${SERVER}`;

class Memory implements Storage {
  readonly #values = new Map<string, string>();
  get length(): number {
    return this.#values.size;
  }
  getItem = (key: string) => this.#values.get(key) ?? null;
  setItem = (key: string, value: string) => void this.#values.set(key, value);
  removeItem = (key: string) => void this.#values.delete(key);
  key = (index: number) => [...this.#values.keys()][index] ?? null;
  clear = () => this.#values.clear();
}

/** A server on which the tokens `good` are valid; a refresh token gives the next pair, once. */
function scripted(good: string[], refreshed: { status: number; pair?: string[] }[]) {
  const asked: string[] = [];
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    asked.push(url.slice(SERVER.length));
    assert.equal(init.credentials, "omit");
    if (url.endsWith("/accounts/refresh")) {
      const next = refreshed.shift();
      if (!next) throw new TypeError("network");
      const [access, refresh] = next.pair ?? [];
      if (access) good.push(access);
      return Response.json({ access, refresh }, { status: next.status });
    }
    const token = new Headers(init.headers).get("Authorization")?.slice("Bearer ".length) ?? "";
    return Response.json({}, { status: good.includes(token) ? 200 : 401 });
  };
  return { fetch, asked };
}

function signedIn(onEnded = () => undefined as void): { bearer: Bearer; storage: Memory } {
  const storage = new Memory();
  const bearer = new Bearer(SERVER, storage, onEnded);
  bearer.keep({ access: "old", refresh: "r1" });
  return { bearer, storage };
}

test("requests that are refused together use a refresh token once", async () => {
  const { bearer, storage } = signedIn();
  const server = scripted([], [{ status: 200, pair: ["new", "r2"] }]);
  const http = new Http(bearer, server.fetch);
  await Promise.all(["/a", "/b", "/c"].map((address) => http.json(address)));
  assert.equal(server.asked.filter((address) => address === "/accounts/refresh").length, 1);
  assert.deepEqual(JSON.parse(storage.getItem(KEY) ?? ""), { access: "new", refresh: "r2" });
});

test("a login that was ended is forgotten and told, once", async () => {
  let told = 0;
  const { bearer, storage } = signedIn(() => void told++);
  const http = new Http(bearer, scripted([], [{ status: 401 }]).fetch);
  await assert.rejects(http.json("/a"), Problem);
  assert.deepEqual([told, bearer.isSignedIn, storage.length], [1, false, 0]);
});

test("a network that is away does not end a login", async () => {
  const { bearer } = signedIn(() => assert.fail("told that the login has ended"));
  await assert.rejects(new Http(bearer, scripted([], []).fetch).json("/a"), Unreachable);
  assert.equal(bearer.isSignedIn, true);
  await assert.rejects(new Http(bearer, scripted([], [{ status: 503 }]).fetch).json("/a"), Problem);
  assert.equal(bearer.isSignedIn, true);
});

test("a login is found again after a reload, and what is no login is not", () => {
  const { storage } = signedIn();
  assert.equal(new Bearer(SERVER, storage, () => undefined).isSignedIn, true);
  for (const broken of ["{", "null", '{"access": 1}', '"x"']) {
    storage.setItem(KEY, broken);
    assert.equal(new Bearer(SERVER, storage, () => undefined).isSignedIn, false);
  }
  assert.equal(new Bearer(SERVER, null, () => undefined).isSignedIn, false);
});
