/** The two 16-bit floating-point formats, from their definition: exponent and fraction, in plain numbers. */
interface Format {
  readonly exponentBits: number;
  readonly fractionBits: number;
}

export type HalfFormat = "bfloat16" | "float16";

const formats: Readonly<Record<HalfFormat, Format>> = {
  bfloat16: { exponentBits: 8, fractionBits: 7 },
  float16: { exponentBits: 5, fractionBits: 10 },
};

const bias = ({ exponentBits }: Format): number => 2 ** (exponentBits - 1) - 1;

/** Of the power of two below a number, at least that of the smallest normal numbers. */
function exponentOf(magnitude: number, format: Format): number {
  // The logarithm may be off by a rounding.
  let exponent = Math.max(1 - bias(format), Math.floor(Math.log2(magnitude)) - 1);
  while (magnitude >= 2 ** (exponent + 1)) exponent++;
  return exponent;
}

/** The number that 16 bits stand for. */
export function fromBits(bits: number, dtype: HalfFormat): number {
  const format = formats[dtype];
  const { fractionBits, exponentBits } = format;
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits & 0x7fff) >> fractionBits;
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias(format));
  return sign * (1 + fraction) * 2 ** (exponent - bias(format));
}

/** The nearest number of the format, of two the one that ends in an even bit; infinite from half a step above the largest. */
export function round(x: number, dtype: HalfFormat): number {
  if (!Number.isFinite(x) || x === 0) return x;
  const format = formats[dtype];
  const { fractionBits } = format;
  const step = 2 ** (exponentOf(Math.abs(x), format) - fractionBits);
  // Dividing by a power of two is exact, unless the quotient is too small to matter: then it rounds to 0 anyway.
  const quotient = Math.abs(x) / step;
  const below = Math.floor(quotient);
  const rest = quotient - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
  const rounded = (below + Number(up)) * step;
  return Math.sign(x) * (rounded >= 2 ** (bias(format) + 1) ? Infinity : rounded);
}

/** The bits of a number of the format. Of all NaNs, the quiet one without a sign. */
export function toBits(value: number, dtype: HalfFormat): number {
  const format = formats[dtype];
  const { fractionBits, exponentBits } = format;
  const infinity = (2 ** exponentBits - 1) << fractionBits;
  if (Number.isNaN(value)) return infinity + 2 ** (fractionBits - 1);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return sign + infinity;
  const exponent = exponentOf(magnitude, format);
  if (magnitude < 2 ** exponent) return sign + (magnitude / 2 ** exponent) * 2 ** fractionBits;
  return sign + ((exponent + bias(format)) << fractionBits) + (magnitude / 2 ** exponent - 1) * 2 ** fractionBits;
}
