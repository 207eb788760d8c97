export type { ApplicationOptions } from "./application.js";
export { MobileNetV2, type MobileNetV2Options } from "./mobileNetV2.js";
export { preprocessInput, type PreprocessInputOptions } from "./preprocessInput.js";
export { VGG16, VGG19 } from "./vgg.js";
