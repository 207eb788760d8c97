import { fileURLToPath } from "node:url";

/** The addon that stands for CUDA's; see there. */
export const fakeCuda = fileURLToPath(new URL("./cuda-addon.cjs", import.meta.url));

// Import this before anything asks for the device: it then exists in any process.
process.env["NABLA_CUDA_ADDON"] ??= fakeCuda;
