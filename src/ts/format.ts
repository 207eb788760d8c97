import { isFloating, isHalf, type DType } from "./dtype.js";
import type { Shape } from "./shape.js";

/** Columns that a line of elements may take; NumPy's default. */
const LINE_WIDTH = 75;
/** Digits behind the point; NumPy's default precision. */
const MOST_DIGITS = 8;

/** Elements as text: rows by axis, `...` where places of an axis are left out. */
export interface Elements {
  readonly dtype: DType;
  /** The places that are shown; the tensor itself may have more. */
  readonly shape: Shape;
  /** Whether an axis has places that are left out, in the middle. */
  readonly cut: readonly boolean[];
  readonly data: ArrayLike<number>;
}

/**
 * The elements in brackets and columns, as NumPy prints arrays: all numbers with one width and one position of the
 * point, no more digits than tell a number of the dtype from its neighbours, exponents where the numbers are very
 * large, very small, or of very different size.
 */
export function formatElements({ dtype, shape, cut, data }: Elements): string {
  if (shape.length === 0) return formatSingle(dtype, data[0]!);
  if (data.length === 0) return "[]";
  const words = formatter(dtype, data);
  let at = 0;
  const build = (axis: number, indent: string, width: number): string => {
    const last = axis === shape.length - 1;
    const items: string[] = [];
    for (let i = 0; i < shape[axis]!; i++) {
      if (cut[axis] && i === shape[axis]! / 2) items.push("...");
      items.push(last ? words(data[at++]!) : build(axis + 1, `${indent} `, width - 1));
    }
    const text = last ? wrap(items, indent, width - 1) : items.join("\n".repeat(shape.length - 1 - axis) + indent);
    return `[${text}]`;
  };
  return build(0, " ", LINE_WIDTH);
}

/** The words of one row with blanks between them, in lines of at most `width`; `indent` stands before each line. */
function wrap(words: readonly string[], indent: string, width: number): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of words) {
    // A word that fits into no line stands in one of its own.
    if (line.length + word.length > width && line.length > indent.length) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  lines.push(line.slice(0, -1));
  return lines.join("\n").slice(indent.length);
}

/** The element of a tensor without dimensions, as JavaScript writes numbers. */
function formatSingle(dtype: DType, value: number): string {
  if (dtype === "bool") return String(value !== 0);
  if (Object.is(value, -0)) return "-0";
  return String(isFloating(dtype) || isHalf(dtype) ? Number(shortest(dtype, value)) : value);
}

/** What gives every element of `data` the same width. */
function formatter(dtype: DType, data: ArrayLike<number>): (value: number) => string {
  if (isFloating(dtype) || isHalf(dtype)) return floatFormatter(dtype, Array.from(data));
  const write = (value: number): string => String(dtype === "bool" ? value !== 0 : value);
  const width = widest(Array.from(data, write));
  return (value) => write(value).padStart(width);
}

function floatFormatter(dtype: DType, data: readonly number[]): (value: number) => string {
  const finite = data.filter(Number.isFinite);
  const write = needsExponent(dtype, finite) ? scientific(dtype, finite) : positional(dtype, finite);
  const width = widest(data.map(write));
  return (value) => write(value).padStart(width);
}

/** From here on numbers have an exponent: the digits that the dtype always keeps, 8 at most. */
const LARGE: Readonly<Partial<Record<DType, number>>> = { float64: 1e8, float32: 1e6, bfloat16: 1e3, float16: 1e3 };

function needsExponent(dtype: DType, finite: readonly number[]): boolean {
  const magnitudes = finite.filter((value) => value !== 0).map(Math.abs);
  if (magnitudes.length === 0) return false;
  const most = magnitudes.reduce((a, b) => Math.max(a, b));
  const least = magnitudes.reduce((a, b) => Math.min(a, b));
  const own = dtype === "float64" ? Number : Math.fround;
  return most >= LARGE[dtype]! || least < own(0.0001) || own(most / least) > 1000;
}

/** Digits, a point, digits; blanks fill up the shorter ones. */
function positional(dtype: DType, finite: readonly number[]): (value: number) => string {
  const write = (value: number): string => {
    const digits = shortest(dtype, value);
    const places = Math.min(MOST_DIGITS, placesOf(digits));
    const text = places < placesOf(digits) ? toEven(value, MOST_DIGITS, fixed) : fixed(Number(digits), places);
    const [whole, fraction = ""] = text.split(".");
    const sign = Object.is(value, -0) ? "-" : "";
    return `${sign}${whole}.${fraction.replace(/0+$/, "")}`;
  };
  const places = finite.map((value) => write(value).split(".")[1]!.length);
  const most = places.reduce((a, b) => Math.max(a, b), 0);
  return (value) => {
    if (!Number.isFinite(value)) return String(value);
    const text = write(value);
    return text.padEnd(text.indexOf(".") + 1 + most);
  };
}

/** One digit, a point, as many digits as the number needs that needs most, an exponent with a sign. */
function scientific(dtype: DType, finite: readonly number[]): (value: number) => string {
  const places = finite.reduce((most, value) => {
    const digits = shortest(dtype, value);
    const text = mantissaOf(digits) > MOST_DIGITS ? toEven(value, MOST_DIGITS, exponential) : digits;
    return Math.max(most, mantissaOf(text.replace(/0+e/, "e")));
  }, 0);
  const parts = (value: number): [mantissa: string, exponent: string] => {
    const [mantissa, exponent] = toEven(value, places, exponential).split("e") as [string, string];
    return [(Object.is(value, -0) ? "-" : "") + (places > 0 ? mantissa : `${mantissa}.`), exponent];
  };
  const digits = finite.reduce((most, value) => Math.max(most, parts(value)[1].length - 1), 2);
  return (value) => {
    if (!Number.isFinite(value)) return String(value);
    const [mantissa, exponent] = parts(value);
    return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(digits, "0")}`;
  };
}

const fixed = (value: number, places: number): string => value.toFixed(places);
const exponential = (value: number, places: number): string => value.toExponential(places);

/** Rounded to so many places; halfway between two, to the even one (JavaScript rounds away from 0). */
function toEven(value: number, places: number, write: typeof fixed): string {
  const rounded = write(value, places);
  // Digits enough to see whether this is the middle are costly, so they are asked for only where it can be.
  if (!/5(e|$)/.test(write(value, places + 1))) return rounded;
  const exact = write(value, 100);
  const end = exact.indexOf(".") + 1 + places;
  if (!/^50*(e|$)/.test(exact.slice(end))) return rounded;
  const below = exact.slice(0, end).replace(/\.$/, "");
  return Number(below.at(-1)) % 2 === 1 ? rounded : below + (/e.*$/.exec(exact)?.[0] ?? "");
}

/** The fewest digits, in exponential form, that give the number back when they are rounded to the dtype. */
function shortest(dtype: DType, value: number): string {
  let digits = 0;
  while (digits < 16 && roundTo(dtype, Number(value.toExponential(digits))) !== value) digits++;
  const even = toEven(value, digits, exponential);
  return roundTo(dtype, Number(even)) === value ? even : value.toExponential(digits);
}

/** Bits of a half's fraction and its least exponent. */
const HALF: Readonly<Record<string, readonly [number, number]>> = { bfloat16: [7, -126], float16: [10, -14] };

function roundTo(dtype: DType, value: number): number {
  if (dtype === "float64") return value;
  if (dtype === "float32" || value === 0) return Math.fround(value);
  const [bits, least] = HALF[dtype]!;
  const step = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), least) - bits);
  const steps = Math.round(Math.abs(value) / step);
  // Ties go to the even one.
  const even = steps - (Math.abs(value) / step === steps - 0.5 ? steps % 2 : 0);
  return Math.sign(value) * even * step;
}

/** Digits behind the point of a number in exponential form. */
function mantissaOf(text: string): number {
  return (text.split("e")[0]!.split(".")[1] ?? "").length;
}

/** The same when it is written without exponent. */
function placesOf(text: string): number {
  return Math.max(0, mantissaOf(text) - Number(text.split("e")[1]));
}

function widest(words: readonly string[]): number {
  return words.reduce((most, word) => Math.max(most, word.length), 0);
}
