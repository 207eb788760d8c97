// An ES module: a gradient, and a training that waits for promises.
import { Sequential, layers, ones } from "nabla";
import { gradient } from "./gradient.mjs";

const model = new Sequential([new layers.Dense({ units: 1, inputShape: [3] })]);
model.compile({ optimizer: "adam", loss: "meanSquaredError" });
const { history } = await model.fit(ones([32, 3]), ones([32, 1]), { epochs: 3, verbose: 0 });
console.log(JSON.stringify({ gradient: gradient(), learns: history.loss[2] < history.loss[0] }));
