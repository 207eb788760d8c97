export { mnist, type LabeledImages, type MnistOptions } from "./mnist.js";
