/** One element's steps in float64, as the papers and Keras write them: no slot is shared, nothing is folded. */
export type Options = Record<string, number | boolean>;

interface State {
  /** Of this step, from 1. */
  t: number;
  rate: number;
  option: (key: string, otherwise: number) => number;
  slots: Record<string, number>;
}

/** What a step takes off the parameter. */
type Rule = (g: number, state: State) => number;

function adam(g: number, { t, rate, option, slots }: State, amsgrad: boolean): number {
  const [b1, b2] = [option("beta1", 0.9), option("beta2", 0.999)];
  const m = (slots["m"] = b1 * (slots["m"] ?? 0) + (1 - b1) * g);
  let v = (slots["v"] = b2 * (slots["v"] ?? 0) + (1 - b2) * g * g);
  if (amsgrad) v = slots["greatest"] = Math.max(slots["greatest"] ?? 0, v);
  const scale = (rate * Math.sqrt(1 - b2 ** t)) / (1 - b1 ** t);
  return (scale * m) / (Math.sqrt(v) + option("epsilon", 1e-7));
}

const rules: Record<string, Rule> = {
  SGD(g, { rate, option, slots }) {
    const momentum = option("momentum", 0);
    const velocity = (slots["velocity"] = momentum * (slots["velocity"] ?? 0) - rate * g);
    return option("nesterov", 0) ? rate * g - momentum * velocity : -velocity;
  },
  RMSprop(g, { rate, option, slots }) {
    const rho = option("rho", 0.9);
    const square = (slots["square"] = rho * (slots["square"] ?? 0) + (1 - rho) * g * g);
    const mean = (slots["mean"] = rho * (slots["mean"] ?? 0) + (1 - rho) * g);
    const variance = option("centered", 0) ? square - mean * mean : square;
    const step = (rate * g) / Math.sqrt(variance + option("epsilon", 1e-7));
    return (slots["velocity"] = option("momentum", 0) * (slots["velocity"] ?? 0) + step);
  },
  Adagrad(g, { rate, option, slots }) {
    slots["sum"] = (slots["sum"] ?? option("initialAccumulatorValue", 0.1)) + g * g;
    return (rate * g) / Math.sqrt(slots["sum"] + option("epsilon", 1e-7));
  },
  Adadelta(g, { rate, option, slots }) {
    const [rho, epsilon] = [option("rho", 0.95), option("epsilon", 1e-7)];
    const gradients = (slots["gradients"] = rho * (slots["gradients"] ?? 0) + (1 - rho) * g * g);
    const step = (Math.sqrt((slots["steps"] ?? 0) + epsilon) / Math.sqrt(gradients + epsilon)) * g;
    slots["steps"] = rho * (slots["steps"] ?? 0) + (1 - rho) * step * step;
    return rate * step;
  },
  Adam: (g, state) => adam(g, state, state.option("amsgrad", 0) !== 0),
  AdamW: (g, state) => adam(g, state, state.option("amsgrad", 0) !== 0),
  Adamax(g, { t, rate, option, slots }) {
    const [b1, b2] = [option("beta1", 0.9), option("beta2", 0.999)];
    const m = (slots["m"] = b1 * (slots["m"] ?? 0) + (1 - b1) * g);
    const u = (slots["u"] = Math.max(b2 * (slots["u"] ?? 0), Math.abs(g)));
    return (rate * m) / ((1 - b1 ** t) * (u + option("epsilon", 1e-7)));
  },
  Nadam(g, { t, rate, option, slots }) {
    const [b1, b2] = [option("beta1", 0.9), option("beta2", 0.999)];
    const momentum = (step: number): number => b1 * (1 - 0.5 * 0.96 ** step);
    const product = (slots["product"] = (slots["product"] ?? 1) * momentum(t));
    const m = (slots["m"] = b1 * (slots["m"] ?? 0) + (1 - b1) * g);
    const v = (slots["v"] = b2 * (slots["v"] ?? 0) + (1 - b2) * g * g);
    const ahead = (momentum(t + 1) * m) / (1 - product * momentum(t + 1)) + ((1 - momentum(t)) * g) / (1 - product);
    return (rate * ahead) / (Math.sqrt(v / (1 - b2 ** t)) + option("epsilon", 1e-7));
  },
  Lion(g, { rate, option, slots }) {
    const [b1, b2, m] = [option("beta1", 0.9), option("beta2", 0.99), slots["m"] ?? 0];
    slots["m"] = b2 * m + (1 - b2) * g;
    return rate * Math.sign(b1 * m + (1 - b1) * g);
  },
};

export function naive(name: string, options: Options, start: number, gradients: readonly number[]): number {
  const option = (key: string, otherwise: number): number => Number(options[key] ?? otherwise);
  const rate = option("learningRate", name === "SGD" ? 0.01 : 0.001);
  const decay = option("weightDecay", name === "AdamW" ? 0.004 : 0);
  const slots: Record<string, number> = {};
  let w = start;
  gradients.forEach((g, i) => {
    w -= rate * decay * w;
    w -= rules[name]!(g, { t: i + 1, rate, option, slots });
  });
  return w;
}
