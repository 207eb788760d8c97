import { stat } from "node:fs/promises";
import { join } from "node:path";
import { wrong } from "../checks.js";
import { ArgumentError } from "../errors.js";
import { show } from "../io/json.js";
import { checkVerbose, type Verbose } from "../models/progress.js";
import { flag } from "../options.js";
import { ModelCache, isFile } from "./cache.js";
import type { HubFile } from "./hub.js";
import { checkFileName, isModelName, isPlainPath } from "./names.js";

/** Where the files of a pretrained model come from, and what is said meanwhile. */
export interface PretrainedOptions {
  /** A branch, a tag or a commit of the model; `"main"` by default. */
  revision?: string;
  /** The folder of all models; by default that of Hugging Face's programs: `HF_HUB_CACHE`, or `hub` in `HF_HOME`. */
  cacheDir?: string;
  /** What to show to the hub for a model that is not public; `HF_TOKEN` by default. */
  token?: string;
  /** Stops downloads. */
  signal?: AbortSignal;
  /** 0 is silent; by default there is a progress bar on a terminal, and elsewhere (or with 2) a line a file. */
  verbose?: Verbose;
}

/** The names of {@link PretrainedOptions}, for those who check them with their own. */
export const PRETRAINED_OPTIONS = ["revision", "cacheDir", "token", "signal", "verbose"] as const;

/** Files of a model: what is needed, each with its alternatives, the best first; and what is taken if it is there. */
export interface PretrainedFiles {
  readonly required: readonly (readonly string[])[];
  readonly optional?: readonly string[];
}

interface Group {
  readonly alternatives: readonly string[];
  readonly required: boolean;
}

/**
 * The paths of a pretrained model's files, by name: one of each required list, and the optional ones that there are. All are of one
 * commit.
 *
 * The model is a folder, or a name such as `distilbert-base-uncased` or `owner/name`. A name is looked for in the cache that
 * Hugging Face's programs share, and what is missing there is fetched from the hub (or from the server that `HF_ENDPOINT` names).
 * What a branch stands for is asked once, when its first file is fetched. With `NABLA_OFFLINE=1` nothing is fetched.
 *
 * @throws ArgumentError for what is neither a folder nor the name of a model, a missing file, a wrong option.
 * @throws NetworkError when the hub does not answer, or not as it should.
 */
export async function resolvePretrained(
  op: string,
  nameOrFolder: string,
  files: PretrainedFiles,
  options: PretrainedOptions = {},
): Promise<Map<string, string>> {
  const groups: Group[] = [
    ...files.required.map((alternatives) => ({ alternatives, required: true })),
    ...(files.optional ?? []).map((file) => ({ alternatives: [file], required: false })),
  ];
  for (const file of groups.flatMap(({ alternatives }) => alternatives)) checkFileName(op, file);
  const checked = checkOptionValues(op, options);
  if (typeof nameOrFolder !== "string" || nameOrFolder === "" || nameOrFolder.includes("\0"))
    throw wrong(op, "the model", nameOrFolder, "a folder, or a name such as distilbert-base-uncased or owner/name");
  if (await isFolder(nameOrFolder)) return fromFolder(op, nameOrFolder, groups);
  if (isModelName(nameOrFolder)) return fromHub(op, nameOrFolder, groups, checked);
  throw new ArgumentError(
    `${op}: neither a folder nor a model's name: ${show(nameOrFolder)}, expected a folder that exists, or a name such as distilbert-base-uncased or owner/name`,
  );
}

type CheckedOptions = Pick<PretrainedOptions, "cacheDir" | "token" | "signal"> & { revision: string; verbose: Verbose };

function checkOptionValues(op: string, options: PretrainedOptions): CheckedOptions {
  const { revision = "main", cacheDir, token = process.env["HF_TOKEN"] || undefined, signal, verbose } = options;
  if (!isPlainPath(revision)) throw wrong(op, "revision", revision, "a branch, a tag or a commit");
  if (cacheDir !== undefined && (typeof cacheDir !== "string" || cacheDir === "" || cacheDir.includes("\0")))
    throw wrong(op, "cacheDir", cacheDir, "a folder's name");
  if (token !== undefined && (typeof token !== "string" || !/^hf_\w+$/.test(token)))
    throw wrong(op, "token", "…", 'a token of the hub, which begins with "hf_"'); // It is a secret: not in messages.
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrong(op, "signal", signal, "an AbortSignal");
  return { revision, cacheDir, token, signal, verbose: checkVerbose(op, verbose ?? "auto") };
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function fromFolder(op: string, folder: string, groups: readonly Group[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const missing = await take(groups, found, async (file) => {
    const path = join(folder, file);
    return (await isFile(path)) ? path : undefined;
  });
  for (const group of missing) if (group.required) throw notFound(op, group, `in ${folder}`);
  return found;
}

/** Adds the first alternative of each group that is there; gives the groups of which none is. */
async function take(
  groups: readonly Group[],
  found: Map<string, string>,
  find: (file: string) => Promise<string | undefined>,
): Promise<Group[]> {
  const missing: Group[] = [];
  for (const group of groups) {
    let path: string | undefined;
    for (const file of group.alternatives) {
      path = await find(file);
      if (path === undefined) continue;
      found.set(file, path);
      break;
    }
    if (path === undefined) missing.push(group);
  }
  return missing;
}

function notFound(op: string, { alternatives }: Group, where: string): ArgumentError {
  return new ArgumentError(`${op}: file not found: ${alternatives.join(" or ")} ${where}`);
}

async function fromHub(
  op: string,
  name: string,
  groups: readonly Group[],
  { cacheDir, ...options }: CheckedOptions,
): Promise<Map<string, string>> {
  const offline = flag(process.env, "NABLA_OFFLINE") ?? false;
  const { HubModel, cacheFolder } = await import("./hub.js");
  const { revision } = options;
  const cache = new ModelCache(cacheFolder(name, cacheDir));
  const found = new Map<string, string>();
  const known = await cache.commitOf(revision);
  const missing = known === undefined ? groups : await take(groups, found, (file) => cache.find(known, file));
  const wanted: Group[] = [];
  for (const group of missing) {
    if (group.required || known === undefined || !(await cache.isAbsent(known, group.alternatives[0]!)))
      wanted.push(group);
  }
  const place = `of ${show(name)} at revision ${revision}`;
  if (offline) {
    const first = wanted.find(({ required }) => required);
    if (first === undefined) return found;
    throw notFound(op, first, `${place} in ${cache.folder}, and NABLA_OFFLINE=1 forbids to fetch it`);
  }
  if (wanted.length === 0) return found;

  options.signal?.throwIfAborted();
  const hub = new HubModel({ op, name, ...options });
  const commit = known ?? (await hub.commit());
  const listed = await hub.list(
    commit,
    wanted.flatMap(({ alternatives }) => alternatives),
  );
  const chosen: [file: string, info: HubFile][] = [];
  for (const group of wanted) {
    const file = group.alternatives.find((alternative) => listed.has(alternative));
    if (file !== undefined) chosen.push([file, listed.get(file)!]);
    else if (group.required) throw notFound(op, group, `${place}: the hub has none (commit ${commit})`);
    else await cache.markAbsent(op, commit, group.alternatives[0]!);
  }
  for (const [file, info] of chosen) {
    found.set(file, await cache.add(op, commit, file, info.blob, (handle) => hub.download(commit, file, info, handle)));
  }
  await cache.setCommit(op, revision, commit);
  return found;
}
