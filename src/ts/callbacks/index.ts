export { CSVLogger, type CSVLoggerOptions } from "./csvLogger.js";
export { EarlyStopping, type EarlyStoppingOptions } from "./earlyStopping.js";
export { LambdaCallback, type LambdaCallbackOptions } from "./lambdaCallback.js";
export { LearningRateScheduler, type LearningRateSchedulerOptions } from "./learningRateScheduler.js";
export { ModelCheckpoint, type ModelCheckpointOptions } from "./modelCheckpoint.js";
export type { MonitorOptions } from "./monitor.js";
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "./reduceLROnPlateau.js";
export { TerminateOnNaN, type TerminateOnNaNOptions } from "./terminateOnNaN.js";
