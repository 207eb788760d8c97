export {
  Dataset,
  type BatchOptions,
  type DatasetElement,
  type Leaf,
  type Part,
  type ShuffleOptions,
  type TensorsOf,
} from "./dataset.js";
