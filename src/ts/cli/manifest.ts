import { createRequire } from "node:module";

/** The package.json of nabla itself. */
export const manifest = createRequire(import.meta.url)("nabla/package.json") as {
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
};
