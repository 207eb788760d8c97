/** Made by scripts/test-prebuilt.mjs: what imports each test file, by the file's name. */
declare module "bundled-tests" {
  const testFiles: Record<string, () => Promise<unknown>>;
  export default testFiles;
}
