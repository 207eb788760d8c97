import { createRequire } from "node:module";
import { dirname } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { getThreadsCount, setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { serve } from "../../harness/serve.js";
import { conv2d } from "./conv2d.js";
import { dispatch } from "./dispatch.js";
import { matmul } from "./matmul.js";

const wasm = createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm");
setWasmPaths(`${dirname(wasm)}/`);
setThreadsCount(Number(process.argv[2]));
await tf.setBackend("wasm");
await tf.ready();

await serve({ version: `${tf.version.tfjs} (wasm, ${getThreadsCount()} threads)` }, { matmul, conv2d, dispatch });
