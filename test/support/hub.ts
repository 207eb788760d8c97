// A server on this machine that answers as the Hugging Face hub does, with models that a test makes up.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { workFolder } from "./safetensors.js";

interface FakeModel {
  commit: string;
  files: Record<string, string | Uint8Array>;
  /** Those that the hub keeps elsewhere, and redirects to. */
  large?: string[];
  /** Another name, to which all requests are redirected. */
  renamedTo?: string;
  /** The token without which there is nothing. */
  token?: string;
}

export interface FakeHub {
  /** By name. */
  models: Record<string, FakeModel>;
  /** `GET /name/resolve/…`, in order. */
  requests: string[];
  /** The `Authorization` headers of requests that were redirected elsewhere. */
  tokensElsewhere: (string | undefined)[];
  /** What a download of a file does before it is half served; undefined serves it whole. */
  halfway?: (file: string, response: ServerResponse) => void;
  /** What is served in place of a file's contents. */
  tampered?: Uint8Array;
  /** Answers in place of the hub, when it gives true. */
  intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Paths in the cache. */
  at: (name: string) => string;
}

export const commitOf = (text: string): string => createHash("sha1").update(text).digest("hex");
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const gitHash = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

/** Both servers, and the environment that leads to them and to a cache in a folder of its own. */
export function fakeHub(): FakeHub {
  const { at } = workFolder();
  const hub: FakeHub = { models: {}, requests: [], tokensElsewhere: [], at };
  let elsewhere = "";
  const storage = createServer((request, response) => {
    hub.tokensElsewhere.push(request.headers.authorization);
    const [, name, file] = decodeURIComponent(request.url!).split("|") as [string, string, string];
    serve(hub, request, response, file, Buffer.from(hub.models[name]!.files[file]!), {});
  });
  const main = createServer((request, response) => {
    hub.requests.push(`${request.method} ${request.url!.split("?")[0]}`);
    if (!hub.intercept?.(request, response)) answer(hub, elsewhere, request, response);
  });
  const saved = { ...process.env };
  let url = "";
  beforeAll(async () => {
    elsewhere = await listen(storage);
    url = await listen(main);
  });
  let tests = 0;
  beforeEach(() => {
    const cache = `cache-${tests++}`;
    hub.at = (name) => at(`${cache}/${name}`);
    Object.assign(hub, { models: {}, requests: [], tokensElsewhere: [] });
    for (const key of ["halfway", "tampered", "intercept"] as const) delete hub[key];
    for (const key of ["NABLA_OFFLINE", "HF_HOME", "HF_TOKEN", "XDG_CACHE_HOME"]) delete process.env[key];
    process.env["HF_ENDPOINT"] = url;
    process.env["HF_HUB_CACHE"] = at(cache);
  });
  afterAll(() => {
    process.env = saved;
    for (const server of [storage, main]) {
      server.closeAllConnections();
      server.close();
    }
  });
  return hub;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function json(response: ServerResponse, value: unknown, status = 200, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "Content-Type": "application/json; charset=utf-8", ...headers });
  response.end(JSON.stringify(value));
}

function answer(hub: FakeHub, elsewhere: string, request: IncomingMessage, response: ServerResponse): void {
  const path = decodeURIComponent(request.url!.split("?")[0]!);
  const parts =
    /^\/api\/models\/(?<name>.+?)\/(?<what>revision|paths-info)\/(?<revision>.+)$/.exec(path)?.groups ??
    /^\/(?<name>.+?)\/(?<what>resolve)\/(?<revision>[^/]+)\/(?<file>.+)$/.exec(path)?.groups;
  const name = parts?.["name"] ?? "";
  const model = Object.hasOwn(hub.models, name) ? hub.models[name] : undefined;
  const { what, revision, file } = parts ?? {};
  if (!model || (model.token !== undefined && request.headers.authorization !== `Bearer ${model.token}`)) {
    // The hub does not tell whether there is what one may not see.
    json(response, { error: "Invalid username or password." }, 401, { "X-Error-Code": "RepoNotFound" });
  } else if (model.renamedTo !== undefined) {
    response.writeHead(307, { Location: request.url!.replace(name, model.renamedTo) }).end();
  } else if (revision !== "main" && revision !== "v1" && revision !== model.commit) {
    json(response, { error: `Invalid rev id: ${revision}` }, 404, { "X-Error-Code": "RevisionNotFound" });
  } else if (what === "revision") {
    json(response, { _id: "1", id: name, sha: model.commit, lastModified: "2024-01-01T00:00:00.000Z" });
  } else if (what === "paths-info") {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const { paths } = JSON.parse(body) as { paths: string[] };
      const there = paths.filter((wanted) => Object.hasOwn(model.files, wanted));
      json(
        response,
        there.map((wanted) => describeFile(model, wanted)),
      );
    });
  } else if (!Object.hasOwn(model.files, file!)) {
    json(response, { error: "Entry not found" }, 404, { "X-Error-Code": "EntryNotFound" });
  } else {
    const bytes = Buffer.from(model.files[file!]!);
    const headers = { "X-Repo-Commit": model.commit };
    if (model.large?.includes(file!)) {
      const linked = { "X-Linked-ETag": `"${sha256(bytes)}"`, "X-Linked-Size": String(bytes.length) };
      const target = encodeURIComponent(`|${name}|${file}`);
      response.writeHead(302, { ...headers, ...linked, Location: `${elsewhere}/${target}` }).end();
    } else {
      serve(hub, request, response, file!, bytes, headers);
    }
  }
}

function describeFile(model: FakeModel, path: string): object {
  const bytes = Buffer.from(model.files[path]!);
  if (!model.large?.includes(path)) return { type: "file", path, oid: gitHash(bytes), size: bytes.length };
  const lfs = { oid: sha256(bytes), size: bytes.length, pointerSize: 134 };
  return { type: "file", path, oid: commitOf("pointer"), size: bytes.length, lfs };
}

function serve(
  hub: FakeHub,
  request: IncomingMessage,
  response: ServerResponse,
  file: string,
  bytes: Uint8Array,
  headers: Record<string, string>,
): void {
  const all = { ...headers, ETag: `"${gitHash(bytes)}"`, "Accept-Ranges": "bytes" };
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  if (range) {
    const [start, end] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)];
    const part = bytes.subarray(start, end + 1);
    response.writeHead(206, {
      ...all,
      "Content-Range": `bytes ${start}-${end}/${bytes.length}`,
      "Content-Length": String(part.length),
    });
    response.end(part);
    return;
  }
  const contents = hub.tampered ?? bytes;
  response.writeHead(200, { ...all, "Content-Length": String(contents.length) });
  if (hub.halfway) response.write(contents.subarray(0, contents.length / 2), () => hub.halfway!(file, response));
  else response.end(contents);
}
