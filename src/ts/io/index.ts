export {
  loadSafetensors,
  saveSafetensors,
  type LoadSafetensorsOptions,
  type Safetensors,
  type SaveSafetensorsOptions,
} from "./safetensors.js";
