// `node checkPackage.mjs <tarball>` prints as JSON what publint and Are The Types Wrong have against a package.
import { readFile } from "node:fs/promises";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

/**
 * How TypeScript may look for nabla's types. The two others are for what nabla is not: `node10` is older than "exports", and
 * `node16-cjs` holds that CommonJS cannot require ES modules.
 */
const RESOLUTIONS = ["node16-esm", "bundler"];

const bytes = await readFile(process.argv[2]);
const linted = await publint({ pack: { tarball: new Uint8Array(bytes).buffer }, strict: true });
const types = await checkPackage(createPackageFromTarballData(new Uint8Array(bytes)));
const resolved = RESOLUTIONS.map((kind) => types.entrypoints["."].resolutions[kind].resolution?.fileName ?? null);
const problems = types.problems.filter(({ resolutionKind }) => !resolutionKind || RESOLUTIONS.includes(resolutionKind));
console.log(
  JSON.stringify({
    publint: linted.messages.map((message) => formatMessage(message, linted.pkg, { color: false })),
    types: problems.map(({ kind, entrypoint, resolutionKind }) => [kind, entrypoint, resolutionKind].join(" ")),
    resolved,
  }),
);
