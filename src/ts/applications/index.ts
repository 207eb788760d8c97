export type { ApplicationOptions } from "./application.js";
export { preprocessInput, type PreprocessInputOptions } from "./preprocessInput.js";
export { VGG16, VGG19 } from "./vgg.js";
