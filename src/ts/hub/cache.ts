import { mkdir, readFile, rename, stat, symlink, type FileHandle } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join, relative } from "node:path";
import { replaceFile, writeFully } from "../io/file.js";

/** The full hash of a commit. */
export const COMMIT = /^[0-9a-f]{40}$/;

/**
 * What is on disk of one model, in the layout that all programs of Hugging Face share
 * (https://huggingface.co/docs/hub/local-cache):
 *
 * - `refs/<revision>`: the commit that a branch or tag stands for;
 * - `snapshots/<commit>/<file>`: links to `blobs/<hash of the contents>`;
 * - `.no_exist/<commit>/<file>`: files that are known not to be in that commit.
 */
export class ModelCache {
  /** `models--owner--name` in the folder of all models. */
  readonly folder: string;
  constructor(folder: string) {
    this.folder = folder;
  }

  /** The commit of a revision, unless it has never been asked for. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (COMMIT.test(revision)) return revision;
    const text = await readFile(join(this.folder, "refs", revision), "utf8").catch(() => "");
    return COMMIT.test(text.trim()) ? text.trim() : undefined;
  }

  async setCommit(op: string, revision: string, commit: string): Promise<void> {
    if (revision !== commit) await write(op, join(this.folder, "refs", revision), commit);
  }

  /** Where a file of a commit is, unless it is not there. */
  async find(commit: string, file: string): Promise<string | undefined> {
    const path = join(this.folder, "snapshots", commit, file);
    return (await isFile(path)) ? path : undefined;
  }

  /** Whether a commit is known not to have the file. */
  async isAbsent(commit: string, file: string): Promise<boolean> {
    return isFile(join(this.folder, ".no_exist", commit, file));
  }

  async markAbsent(op: string, commit: string, file: string): Promise<void> {
    await write(op, join(this.folder, ".no_exist", commit, file), "");
  }

  /**
   * Gives a file of a commit the contents of a blob, which `fill` writes unless it is there; gives its path. The blob gets its name
   * when it is whole.
   */
  async add(
    op: string,
    commit: string,
    file: string,
    blob: string,
    fill: (handle: FileHandle) => Promise<void>,
  ): Promise<string> {
    const source = join(this.folder, "blobs", blob);
    const path = join(this.folder, "snapshots", commit, file);
    await mkdir(dirname(source), { recursive: true });
    await mkdir(dirname(path), { recursive: true });
    if (!(await isFile(source))) await replaceFile(op, source, fill);
    // Through another name: so it replaces what another process has linked meanwhile, or a link to nothing.
    const temporary = `${path}.${randomUUID()}.tmp`;
    await symlink(relative(dirname(path), source), temporary);
    await rename(temporary, path);
    return path;
  }
}

/** Whether there is such a file, or a link to one. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function write(op: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(op, path, (handle) => writeFully(handle, Buffer.from(text)));
}
