import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { ArgumentError, NetworkError } from "nabla";
import { resolvePretrained, type PretrainedFiles, type PretrainedOptions } from "../../src/ts/hub/pretrained.js";
import { commitOf, fakeHub } from "../support/hub.js";

const hub = fakeHub();
const NAME = "tiny-model";
const COMMIT = commitOf("first");
const weights = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 31) % 251);
const FILES: PretrainedFiles = {
  required: [["config.json"], ["model.safetensors", "model.safetensors.index.json"]],
  optional: ["generation.json"],
};

function serveTiny(): void {
  hub.models[NAME] = {
    commit: COMMIT,
    files: { "config.json": '{"dim":4}', "model.safetensors": weights, "sub/vocab.txt": "a\nb\n" },
    large: ["model.safetensors"],
  };
}

const resolve = (
  files: PretrainedFiles = FILES,
  options: PretrainedOptions = {},
  name: string = NAME,
): Promise<Map<string, string>> => resolvePretrained("load", name, files, { verbose: 0, ...options });

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.unreachable("it did not fail"),
    (error: Error) => error,
  );
}

/** All files below a folder of the cache, as paths. */
const filesOf = (folder: string): string[] =>
  readdirSync(hub.at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(hub.at(folder).length + 1))
    .sort();

describe("a name that is in no cache", () => {
  it("is fetched from the hub, into the layout that Hugging Face's programs share", async () => {
    serveTiny();
    const found = await resolve();
    const snapshot = hub.at(`models--tiny-model/snapshots/${COMMIT}`);
    expect(Object.fromEntries(found)).toEqual({
      "config.json": `${snapshot}/config.json`,
      "model.safetensors": `${snapshot}/model.safetensors`,
    });
    expect(readFileSync(found.get("config.json")!, "utf8")).toBe('{"dim":4}');
    expect(Uint8Array.from(readFileSync(found.get("model.safetensors")!))).toEqual(weights);
    expect(readFileSync(hub.at("models--tiny-model/refs/main"), "utf8")).toBe(COMMIT);
    expect(readlinkSync(found.get("config.json")!)).toBe("../../blobs/f32fa4d5c5e0d17732cf3b9b5479adb9b6cdbb8e");
    expect(filesOf("models--tiny-model")).toEqual([
      `.no_exist/${COMMIT}/generation.json`,
      "blobs/f32fa4d5c5e0d17732cf3b9b5479adb9b6cdbb8e",
      expect.stringMatching(/^blobs\/[0-9a-f]{64}$/),
      "refs/main",
      `snapshots/${COMMIT}/config.json`,
      `snapshots/${COMMIT}/model.safetensors`,
    ]);
  });

  it("is fetched once: later, and offline, nothing is asked", async () => {
    serveTiny();
    const first = await resolve();
    hub.requests.length = 0;
    hub.models = {};
    expect(await resolve()).toEqual(first);
    expect(await resolve(FILES, { revision: COMMIT })).toEqual(first);
    process.env["NABLA_OFFLINE"] = "1";
    expect(await resolve()).toEqual(first);
    expect(hub.requests).toEqual([]);
  });

  it("may be fetched twice at the same time", async () => {
    serveTiny();
    const [one, other] = await Promise.all([resolve(), resolve()]);
    expect(one).toEqual(other);
    expect(Uint8Array.from(readFileSync(one.get("model.safetensors")!))).toEqual(weights);
    expect(filesOf("models--tiny-model/blobs")).toHaveLength(2);
    expect(filesOf("models--tiny-model/snapshots")).toHaveLength(2);
  });

  it("may have an owner, a folder, and another name by now", async () => {
    serveTiny();
    hub.models["owner/tiny"] = hub.models[NAME]!;
    hub.models[NAME] = { commit: COMMIT, files: {}, renamedTo: "owner/tiny" };
    const files = { required: [["sub/vocab.txt"], ["config.json"]] };
    const found = await resolve(files);
    expect(found.get("sub/vocab.txt")).toBe(hub.at(`models--tiny-model/snapshots/${COMMIT}/sub/vocab.txt`));
    expect(readFileSync(found.get("sub/vocab.txt")!, "utf8")).toBe("a\nb\n");
    expect(readlinkSync(found.get("sub/vocab.txt")!)).toMatch(/^\.\.\/\.\.\/\.\.\/blobs\/[0-9a-f]{40}$/);
    const owned = await resolve(files, {}, "owner/tiny");
    expect(owned.get("config.json")).toBe(hub.at(`models--owner--tiny/snapshots/${COMMIT}/config.json`));
  });

  it("comes at the revision that is asked for", async () => {
    serveTiny();
    await resolve(FILES, { revision: "v1" });
    expect(readFileSync(hub.at("models--tiny-model/refs/v1"), "utf8")).toBe(COMMIT);
    expect(existsSync(hub.at("models--tiny-model/refs/main"))).toBe(false);
    expect(await failure(resolve(FILES, { revision: "v2" }))).toMatchObject({
      name: "ArgumentError",
      message: expect.stringMatching(
        /^load: no such model: "tiny-model" at revision v2 on http:\/\/127\.0\.0\.1:\d+, expected a folder, or a model that is public or that the token may read \(Invalid rev id: v2\./,
      ),
    });
  });

  it("comes to cacheDir, or to where the environment says", async () => {
    serveTiny();
    const inFolder = await resolve(FILES, { cacheDir: hub.at("own") });
    expect(inFolder.get("config.json")).toContain("/own/models--tiny-model/snapshots/");
    delete process.env["HF_HUB_CACHE"];
    process.env["HF_HOME"] = hub.at("home");
    expect((await resolve()).get("config.json")).toContain("/home/hub/models--tiny-model/snapshots/");
  });

  it("sends the token to the hub, and not to where it redirects", async () => {
    serveTiny();
    hub.models[NAME]!.token = "hf_secret";
    expect((await failure(resolve())).message).toContain("Invalid username or password.");
    process.env["HF_TOKEN"] = "hf_wrong";
    expect(await failure(resolve())).toBeInstanceOf(ArgumentError);
    const found = await resolve(FILES, { token: "hf_secret" });
    expect(found.size).toBe(2);
    expect(hub.tokensElsewhere.length).toBeGreaterThan(0);
    expect(hub.tokensElsewhere.filter((token) => token !== undefined)).toEqual([]);
  });

  it("takes the first alternative that there is, and all files from one commit", async () => {
    serveTiny();
    const alternatives = { required: [["tokenizer.json", "sub/vocab.txt"]], optional: ["config.json"] };
    expect([...(await resolve(alternatives)).keys()].sort()).toEqual(["config.json", "sub/vocab.txt"]);
    // The branch moves on; what is here stays at its commit.
    hub.models[NAME] = { commit: commitOf("second"), files: { "config.json": "{}", "model.safetensors": "" } };
    expect((await failure(resolve())).message).toMatch(/^load: no such model: .* \(Invalid rev id: /);
  });

  it("tells what the hub does not have", async () => {
    serveTiny();
    const missing = await failure(resolve({ required: [["config.json"], ["a.bin", "b.bin"]] }));
    expect(missing).toBeInstanceOf(ArgumentError);
    expect(missing.message).toBe(
      `load: file not found: a.bin or b.bin of "tiny-model" at revision main: the hub has none (commit ${COMMIT})`,
    );
    expect(hub.requests.filter((request) => request.includes("/resolve/"))).toEqual([]);
    expect((await failure(resolve(FILES, {}, "no-such-model"))).message).toMatch(
      /^load: no such model: "no-such-model" at revision main on http/,
    );
  });
});

describe("NABLA_OFFLINE", () => {
  it("says which file of which model is missing, and where it was looked for", async () => {
    serveTiny();
    process.env["NABLA_OFFLINE"] = "1";
    const nothing = await failure(resolve());
    expect(nothing).toBeInstanceOf(ArgumentError);
    expect(nothing.message).toBe(
      `load: file not found: config.json of "tiny-model" at revision main in ${hub.at("models--tiny-model")}, and NABLA_OFFLINE=1 forbids to fetch it`,
    );
    expect(hub.requests).toEqual([]);
    process.env["NABLA_OFFLINE"] = "0";
    await resolve({ required: [["config.json"]] });
    process.env["NABLA_OFFLINE"] = "1";
    expect((await failure(resolve())).message).toBe(
      `load: file not found: model.safetensors or model.safetensors.index.json of "tiny-model" at revision main in ${hub.at("models--tiny-model")}, and NABLA_OFFLINE=1 forbids to fetch it`,
    );
    process.env["NABLA_OFFLINE"] = "yes";
    expect((await failure(resolve())).message).toBe('NABLA_OFFLINE: unknown value: "yes", expected 0 or 1');
  });

  it("goes on without optional files of which nothing is known; with the network it asks", async () => {
    serveTiny();
    hub.models[NAME]!.files["generation.json"] = "{}";
    // A cache as another program left it.
    const snapshot = hub.at(`models--tiny-model/snapshots/${COMMIT}`);
    mkdirSync(snapshot, { recursive: true });
    mkdirSync(hub.at("models--tiny-model/refs"));
    writeFileSync(hub.at("models--tiny-model/refs/main"), `${COMMIT}\n`);
    for (const file of ["config.json", "model.safetensors"]) writeFileSync(join(snapshot, file), "old");
    process.env["NABLA_OFFLINE"] = "1";
    expect([...(await resolve()).keys()]).toEqual(["config.json", "model.safetensors"]);
    delete process.env["NABLA_OFFLINE"];
    expect([...(await resolve()).keys()]).toEqual(["config.json", "model.safetensors", "generation.json"]);
    expect(readFileSync(join(snapshot, "config.json"), "utf8")).toBe("old");
    expect(hub.requests.filter((request) => request.includes("/resolve/")).length).toBeGreaterThan(0);
  });
});

describe("a download that fails", () => {
  const blobs = (): string[] => filesOf("models--tiny-model/blobs");

  it("leaves no broken file, and a second try succeeds", async () => {
    serveTiny();
    hub.halfway = (file, response) => {
      if (file === "model.safetensors") response.destroy();
      else response.end(Buffer.from('{"dim":4}').subarray(4));
    };
    const error = await failure(resolve());
    expect(error).toBeInstanceOf(NetworkError);
    expect(error).toMatchObject({ name: "NetworkError", code: "NETWORK" });
    expect(error.message).toMatch(
      /^load: download failed: model\.safetensors of "tiny-model" from http:\/\/127\.0\.0\.1:\d+, terminated \(.*\): try again, or give a folder with the files$/,
    );
    expect(blobs()).toEqual(["f32fa4d5c5e0d17732cf3b9b5479adb9b6cdbb8e"]);
    expect(filesOf("models--tiny-model/snapshots")).toEqual([`${COMMIT}/config.json`]);
    delete hub.halfway;
    const found = await resolve();
    expect(Uint8Array.from(readFileSync(found.get("model.safetensors")!))).toEqual(weights);
    expect(blobs()).toHaveLength(2);
  });

  it("is one that brings other bytes than the hub announced", async () => {
    serveTiny();
    hub.tampered = weights.slice().fill(7, 100, 101);
    expect(await failure(resolve({ required: [["model.safetensors"]] }))).toMatchObject({
      name: "NetworkError",
      message: expect.stringMatching(
        /^load: unexpected answer: model\.safetensors of "tiny-model" from .*, its hash is [0-9a-f]{64}, expected [0-9a-f]{64}: try again/,
      ),
    });
    hub.tampered = weights.subarray(1);
    expect((await failure(resolve({ required: [["model.safetensors"]] }))).message).toContain(
      ", it has 199999 bytes, expected 200000: ",
    );
    hub.tampered = Buffer.from('{"dim":5}');
    expect((await failure(resolve({ required: [["config.json"]] }))).message).toMatch(
      /config\.json .* its hash is [0-9a-f]{40}, expected f32fa4d5c5e0d17732cf3b9b5479adb9b6cdbb8e: /,
    );
    expect(blobs()).toEqual([]);
  });

  it("is stopped by a signal, with its reason", async () => {
    serveTiny();
    const stop = new AbortController();
    hub.halfway = () => stop.abort(new Error("enough"));
    expect((await failure(resolve(FILES, { signal: stop.signal }))).message).toBe("enough");
    expect(blobs()).toEqual([]);
    hub.requests.length = 0;
    expect((await failure(resolve(FILES, { signal: stop.signal }))).message).toBe("enough");
    expect(hub.requests).toEqual([]);
  });

  it("may find no hub, or one that answers otherwise", async () => {
    process.env["HF_ENDPOINT"] = "http://127.0.0.1:1";
    const nobody = await failure(resolve());
    expect(nobody).toBeInstanceOf(NetworkError);
    expect(nobody.message).toMatch(
      /^load: download failed: revision main of "tiny-model" from http:\/\/127\.0\.0\.1:1, fetch failed \(.+\): try again/,
    );
  });

  it.each<[string, (url: string) => unknown, RegExp]>([
    ["503", () => 503, /^load: download failed: revision main of "tiny-model" .*Api error with status 503/],
    [
      "a commit that is none",
      (url) => (url.includes("/revision/") ? { sha: "../../etc" } : undefined),
      /^load: unexpected answer: revision main of "tiny-model" from .*, it is commit "\.\.\/\.\.\/etc": try again/,
    ],
    [
      "a hash that is none",
      (url) =>
        url.includes("/paths-info/") ? [{ type: "file", path: "config.json", oid: "../../x", size: 9 }] : undefined,
      /^load: unexpected answer: config\.json of "tiny-model" from .*, its hash is "\.\.\/\.\.\/x", its size 9: try again/,
    ],
    [
      "no list",
      (url) => (url.includes("/paths-info/") ? { error: 1 } : undefined),
      /^load: download failed: config\.json, model\.safetensors, .* malformed response: expected array: try again/,
    ],
  ])("refuses %s", async (_, answer, message) => {
    serveTiny();
    hub.intercept = (request, response) => {
      const given = answer(request.url!);
      if (given === undefined) return false;
      if (typeof given === "number") response.writeHead(given).end();
      else response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(given));
      return true;
    };
    const error = await failure(resolve());
    expect(error).toBeInstanceOf(NetworkError);
    expect(error.message).toMatch(message);
  });

  it("repairs a link to a blob that is gone", async () => {
    serveTiny();
    const path = (await resolve()).get("config.json")!;
    rmSync(join(dirname(path), readlinkSync(path)));
    expect(existsSync(path)).toBe(false);
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    await resolve();
    expect(readFileSync(path, "utf8")).toBe('{"dim":4}');
  });
});

describe("what the user sees", () => {
  it("is a line a file where there is no terminal, and nothing with verbose 0", async () => {
    serveTiny();
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const debug = vi.spyOn(console, "debug").mockImplementation(() => {});
    try {
      await resolve(FILES, { verbose: 2 });
      expect(log.mock.calls.map(([line]) => (line as string).replace(/\d+s$/, "0s"))).toEqual([
        "tiny-model/config.json - 9 B - 0s",
        "tiny-model/model.safetensors - 195.31 KB - 0s",
      ]);
      log.mockClear();
      await resolve(FILES, { cacheDir: hub.at("again") });
      expect(log).not.toHaveBeenCalled();
      expect(debug).not.toHaveBeenCalled();
    } finally {
      vi.restoreAllMocks();
    }
  });

  it("is a bar on a terminal", async () => {
    serveTiny();
    const terminal = Object.getOwnPropertyDescriptor(process.stdout, "isTTY");
    Object.defineProperty(process.stdout, "isTTY", { value: true, configurable: true });
    let shown = "";
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      shown += text as string;
      return true;
    });
    try {
      await resolve(FILES, { verbose: "auto" });
    } finally {
      vi.restoreAllMocks();
      if (terminal) Object.defineProperty(process.stdout, "isTTY", terminal);
      else Reflect.deleteProperty(process.stdout, "isTTY");
    }
    expect(shown).toContain("195.31 KB / 195.31 KB - tiny-model/model.safetensors");
  });
});

describe("a folder", () => {
  it("is taken as it is, also where a model has its name", async () => {
    serveTiny();
    const folder = hub.at("folder");
    mkdirSync(join(folder, "sub"), { recursive: true });
    writeFileSync(join(folder, "config.json"), "{}");
    writeFileSync(join(folder, "model.safetensors.index.json"), "{}");
    symlinkSync(join(folder, "config.json"), join(folder, "generation.json"));
    const expected = ["config.json", "model.safetensors.index.json", "generation.json"];
    expect([...(await resolve(FILES, {}, folder))]).toEqual(expected.map((file) => [file, join(folder, file)]));
    rmSync(join(folder, "config.json"));
    const missing = await failure(resolve(FILES, {}, folder));
    expect(missing).toBeInstanceOf(ArgumentError);
    expect(missing.message).toBe(`load: file not found: config.json in ${folder}`);
    expect(hub.requests).toEqual([]);
  });
});

describe("wrong arguments", () => {
  it.each([
    "../tiny",
    "/no/such/folder",
    "owner/name/more",
    "owner//name",
    "owner/..",
    "....",
    "-name",
    "name-",
    "na--me",
    "name.git",
    "na me",
    "name?x=1",
    "name#x",
    "na%2fme",
    "https://huggingface.co/name",
    "user@host",
    "na\\me",
    "name\n",
    "é",
    "a".repeat(97),
  ])("refuses the name %j before anything is asked", async (name) => {
    const error = await failure(resolve(FILES, {}, name));
    expect(error).toBeInstanceOf(ArgumentError);
    const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name;
    expect(error.message).toBe(
      `load: neither a folder nor a model's name: ${JSON.stringify(shown)}, expected a folder that exists, or a name such as distilbert-base-uncased or owner/name`,
    );
    expect(hub.requests).toEqual([]);
  });

  it.each<[PretrainedOptions, string]>([
    [{ revision: "../x" }, 'revision is wrong: "../x", expected a branch, a tag or a commit'],
    [{ revision: "" }, 'revision is wrong: ""'],
    [{ revision: "a b" }, 'revision is wrong: "a b"'],
    [{ revision: 1 as never }, "revision is wrong: 1"],
    [{ cacheDir: "" }, 'cacheDir is wrong: "", expected a folder\'s name'],
    [{ token: "secret" }, 'token is wrong: "…", expected a token of the hub, which begins with "hf_"'],
    [{ signal: {} as never }, "signal is wrong: Object, expected an AbortSignal"],
    [{ verbose: 3 as never }, 'verbose is wrong: 3, expected 0, 1, 2 or "auto"'],
  ])("refuses %o", async (options, message) => {
    const error = await failure(resolve(FILES, options));
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toContain(`load: ${message}`);
  });

  it.each([undefined, 3, "", "a\0b", null])("refuses %j for a name", async (name) => {
    expect((await failure(resolvePretrained("load", name as never, FILES))).message).toMatch(
      /^load: the model is wrong: .*, expected a folder, or a name such as distilbert-base-uncased or owner\/name$/,
    );
  });

  it.each(["../x", "/x", "a/../b", "a//b", "a\\b", "x?y", "", "C:x"])("refuses the file %j", async (file) => {
    expect((await failure(resolve({ required: [[file]] }))).message).toBe(
      `load: not a model's file: ${JSON.stringify(file)}, expected letters, digits, ".", "_", "-", and "/" between folders`,
    );
  });
});
