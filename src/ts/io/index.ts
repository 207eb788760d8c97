export { loadLayersModel, type LoadLayersModelOptions } from "./load-layers-model.js";
export {
  loadSafetensors,
  saveSafetensors,
  type LoadSafetensorsOptions,
  type Safetensors,
  type SaveSafetensorsOptions,
} from "./safetensors.js";
export { saveLayersModel } from "./save-layers-model.js";
