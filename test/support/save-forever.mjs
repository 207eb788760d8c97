// Saves a model of 64 MB again and again to one file, until it is killed. Arguments: the package's file, the model's.
import { pathToFileURL } from "node:url";

const { Sequential, layers } = await import(pathToFileURL(process.argv[2]).href);

const dense = new layers.Dense({ units: 4096, inputShape: [4096], kernelInitializer: "zeros", name: "dense" });
const model = new Sequential([dense], { name: "new" });
for (let saves = 0; ; saves++) {
  const saving = model.save(process.argv[3]);
  if (saves === 0) process.stdout.write("saving");
  await saving;
}
