export { Adam, type AdamOptions } from "./adam.js";
export { Optimizer, type OptimizerOptions, type StepTensors } from "./optimizer.js";
export { SGD, type SGDOptions } from "./sgd.js";
