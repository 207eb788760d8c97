// `npm run docs`: writes docs/operators.md, the reference of all functions on tensors, from the doc comments of the
// sources, and the pages of everything that is exported into docs/api/ (not in git).
// `--check` only compares docs/operators.md with what it would write.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { Application } from "typedoc";
import { Failure, root, run } from "./lib.mjs";
import { reference } from "./reference.mjs";

const file = join(root, "docs/operators.md");

await run(async () => {
  const check = process.argv.includes("--check");
  const app = await Application.bootstrap({
    entryPoints: [join(root, "src/ts/index.ts")],
    tsconfig: join(root, "tsconfig.json"),
    excludeInternal: true,
    excludePrivate: true,
    readme: join(root, "README.md"),
    name: "nabla",
    sort: ["source-order"],
    disableGit: true,
    sourceLinkTemplate: "{path}",
    logLevel: "Error",
    // `npm run check` has a step for the types.
    skipErrorChecking: true,
  });
  const project = await app.convert();
  if (!project) throw new Failure("docs: the sources cannot be read: run npm run check");
  const text = await format(reference(project), { ...(await resolveConfig(file)), filepath: file });
  if (check) {
    const current = existsSync(file) ? readFileSync(file, "utf8") : "";
    if (current !== text) throw new Failure("docs/operators.md is out of date: run npm run docs");
    return;
  }
  writeFileSync(file, text);
  await app.generateDocs(project, join(root, "docs/api"));
});
