export { decode, load, type DecodeOptions } from "./decode.js";
export { encode, save, type EncodeOptions, type ImageFormat } from "./encode.js";
export { resize, type ResizeOptions } from "./resize.js";
