import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import {
  HUB_URL,
  HubApiError,
  downloadFile,
  getHFHubCachePath,
  getRepoFolderName,
  modelInfo,
  pathsInfo,
  type PathInfo,
} from "@huggingface/hub";
import { ArgumentError, NetworkError } from "../errors.js";
import { writeFully } from "../io/file.js";
import { show } from "../io/json.js";
import type { Verbose } from "../models/progress.js";
import { COMMIT } from "./cache.js";
import { downloadProgress } from "./progress.js";

// Imported when a model is given by name, and not before: so the library is.
//
// The library's `downloadFileToCacheDir` is not used: it writes to standard output, and lets two processes write one partial file.

/** A file as the hub describes it. */
export interface HubFile {
  readonly size: number;
  /** The hash under which caches have it. */
  readonly blob: string;
  /** Of what the hash is: the contents (SHA-256), a git blob (SHA-1), or nothing that can be computed here. */
  readonly hash: "contents" | "git" | null;
}

export interface HubAccess {
  readonly op: string;
  /** The model's name, which has been checked; so has the revision. */
  readonly name: string;
  readonly revision: string;
  readonly token?: string;
  readonly signal?: AbortSignal;
  readonly verbose: Verbose;
}

/** The folder of a model in the cache. */
export function cacheFolder(name: string, cacheDir = getHFHubCachePath()): string {
  return join(cacheDir, getRepoFolderName({ type: "model", name }));
}

/** One model on the Hugging Face hub, or on the server that `HF_ENDPOINT` names. */
export class HubModel {
  private readonly access: HubAccess;
  private readonly hubUrl: string;
  constructor(access: HubAccess) {
    this.access = access;
    this.hubUrl = (process.env["HF_ENDPOINT"] || HUB_URL).replace(/\/+$/, "");
  }

  /** The commit that the revision stands for. */
  async commit(): Promise<string> {
    const { name, revision } = this.access;
    const info = await this.ask(`revision ${revision}`, () =>
      modelInfo({ ...this.request(), name, revision, additionalFields: ["sha"] }),
    );
    if (!COMMIT.test(info.sha)) throw this.unexpected(`revision ${revision}`, `it is commit ${show(info.sha)}`);
    return info.sha;
  }

  /** Those of the files that are there. */
  async list(commit: string, files: string[]): Promise<Map<string, HubFile>> {
    const infos = await this.ask(files.join(", "), () =>
      pathsInfo({ ...this.request(), repo: this.repo(), revision: commit, paths: files }),
    );
    return new Map(
      infos.filter(({ type }) => type === "file").map((info) => [info.path, this.describe(info)] as const),
    );
  }

  /** Writes a file's contents. @throws NetworkError when they do not come, or are not what the hub described. */
  async download(commit: string, file: string, { size, hash, blob }: HubFile, handle: FileHandle): Promise<void> {
    // By plain HTTP, which every proxy and mirror can serve.
    const body = await this.ask(file, () =>
      downloadFile({ ...this.request(), repo: this.repo(), path: file, revision: commit, xet: false }),
    );
    if (body === null) throw this.unexpected(file, "it is listed, but not there");
    const hasher = hash && createHash(hash === "git" ? "sha1" : "sha256");
    if (hash === "git") hasher!.update(`blob ${size}\0`);
    const progress = await downloadProgress(this.access.verbose, `${this.access.name}/${file}`, size);
    const reader = body.stream().getReader();
    try {
      let bytes = 0;
      for (;;) {
        const { done, value } = await this.ask(file, () => reader.read());
        if (done) break;
        hasher?.update(value);
        await writeFully(handle, value);
        bytes += value.length;
        progress.update(bytes);
      }
      if (bytes !== size) throw this.unexpected(file, `it has ${bytes} bytes, expected ${size}`);
      const found = hasher?.digest("hex") ?? blob;
      if (found !== blob) throw this.unexpected(file, `its hash is ${found}, expected ${blob}`);
      progress.end();
    } finally {
      progress.stop();
      // An error of the stream has been thrown by `read`.
      await reader.cancel().catch(() => {});
    }
  }

  private describe({ path, size, lfs, xetHash, oid }: PathInfo): HubFile {
    const blob = lfs?.oid ?? xetHash ?? oid;
    const bytes = lfs?.size ?? size;
    // It becomes the name of a file.
    if (typeof blob !== "string" || !/^[0-9a-f]{40,64}$/.test(blob) || !Number.isSafeInteger(bytes)) {
      throw this.unexpected(path, `its hash is ${show(blob ?? null)}, its size ${show(bytes ?? null)}`);
    }
    return { size: bytes, blob, hash: lfs ? "contents" : xetHash ? null : "git" };
  }

  private repo(): { type: "model"; name: string } {
    return { type: "model", name: this.access.name };
  }

  private request(): { hubUrl: string; fetch: typeof fetch; accessToken?: string } {
    const { token, signal } = this.access;
    const request = { hubUrl: this.hubUrl, fetch: ((url, init) => fetch(url, { ...init, signal })) as typeof fetch };
    return token === undefined ? request : { ...request, accessToken: token };
  }

  /** Does what may fail by the network, and says of what it did. */
  private async ask<T>(what: string, request: () => Promise<T>): Promise<T> {
    const { op, name, revision, signal } = this.access;
    try {
      return await request();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HubApiError && [401, 403, 404].includes(error.statusCode)) {
        throw new ArgumentError(
          `${op}: no such model: ${show(name)} at revision ${revision} on ${this.hubUrl}, expected a folder, or a model that is public or that the token may read (${error.message})`,
        );
      }
      throw new NetworkError(
        `${op}: download failed: ${what} of ${show(name)} from ${this.hubUrl}, ${reason(error)}: try again, or give a folder with the files`,
        { cause: error },
      );
    }
  }

  private unexpected(what: string, given: string): NetworkError {
    const { op, name } = this.access;
    return new NetworkError(
      `${op}: unexpected answer: ${what} of ${show(name)} from ${this.hubUrl}, ${given}: try again, or give a folder with the files`,
    );
  }
}

/** `fetch failed (connect ECONNREFUSED 127.0.0.1:443)` */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause as NodeJS.ErrnoException | undefined;
  const inner = cause?.message || cause?.code;
  return inner ? `${error.message} (${inner})` : error.message;
}
