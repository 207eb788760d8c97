// Types and signatures as docs/operators.md shows them: short, without type parameters.
import { ReflectionKind } from "typedoc";

/** What is shown for types that only the compiler needs. */
const SHOWN = {
  Promoted: "Tensor",
  Optional: "Tensor | null",
  GradientsOf: "Tensor | Tensor[]",
  ShapeOf: "Shape",
  ArrayOf: "NestedArray",
  TypedArrayOf: "TypedArray",
};

/** The parameter that lets an op's messages name another op, no part of the interface. */
const FOR_MESSAGES = "op";

/** What a type refers to, through type parameters and aliases. */
export function dereference(type) {
  const { reflection } = type ?? {};
  if (reflection?.kind === ReflectionKind.TypeParameter) return dereference(reflection.type);
  // The alias Omit<Options, names> of a library.
  if (reflection?.kind === ReflectionKind.TypeAlias && reflection.type.name === "Omit") {
    const [whole, without] = reflection.type.typeArguments;
    const left = (without.types ?? [without]).map(({ value }) => value);
    return { ...dereference(whole), children: dereference(whole).children.filter(({ name }) => !left.includes(name)) };
  }
  return reflection ?? {};
}

export function fieldText(field, page) {
  if (field.signatures) return field.name + declaration(field.signatures[0], page);
  return `${field.name}${field.flags.isOptional ? "?" : ""}: ${typeText(field.type, page)}`;
}

export function declaration(signature, page, arrow = ": ") {
  const shown = (signature.parameters ?? []).filter(({ name }) => name !== FOR_MESSAGES);
  const parameters = shown.map(({ name, flags, defaultValue, type }) => {
    const rest = flags.isRest ? "..." : "";
    // typedoc writes a default that is longer than a literal as "...".
    const hidden = defaultValue === "{}" || defaultValue === "...";
    const preset = defaultValue !== undefined && !hidden ? ` = ${defaultValue}` : "";
    const optional = flags.isOptional || hidden ? "?" : "";
    return `${rest}${name}${optional}: ${typeText(type, page)}${preset}`;
  });
  return `(${parameters.join(", ")})${arrow}${typeText(signature.type, page)}`;
}

/** A type as a reader wants it: without type parameters, of which the bounds are shown. */
export function typeText(type, page) {
  const text = (part) => typeText(part, page);
  switch (type.type) {
    case "reference":
      return referenceText(type, page);
    case "union": {
      const texts = [...new Set(type.types.map(text))];
      // The compiler gives names in the order in which it met them.
      if (type.types.every((part) => part.type === "literal")) texts.sort();
      const union = texts.join(" | ");
      return union === page.dtypes ? "DType" : union;
    }
    case "intersection":
      return text(type.types.find((part) => dereference(part).kind === ReflectionKind.Interface));
    case "array": {
      const element = text(type.elementType);
      return element.includes(" ") && !element.startsWith("[") ? `(${element})[]` : `${element}[]`;
    }
    case "tuple":
      return `[${type.elements.map(text).join(", ")}]`;
    case "namedTupleMember":
      return `${type.name}${type.isOptional ? "?" : ""}: ${text(type.element)}`;
    case "typeOperator":
      return text(type.target);
    case "indexedAccess":
      return text(type.objectType);
    case "reflection": {
      const { signatures, children = [] } = type.declaration;
      if (signatures) return declaration(signatures[0], page, " => ");
      return `{ ${children.map((child) => fieldText(child, page)).join("; ")} }`;
    }
    default:
      return String(type);
  }
}

function referenceText(type, page) {
  const { name, reflection, typeArguments = [] } = type;
  if (Object.hasOwn(SHOWN, name)) return SHOWN[name];
  if (reflection?.kind === ReflectionKind.TypeParameter && reflection.type) return typeText(reflection.type, page);
  const isResult = reflection?.kind === ReflectionKind.Interface && /(Result|Info)$/.test(name);
  const isAlias = reflection?.kind === ReflectionKind.TypeAlias && !name.endsWith("Options");
  if (isResult || isAlias) page.types.set(name, reflection);
  if (type.refersToTypeParameter && page.bounds.has(name)) return typeText(page.bounds.get(name), page);
  if (name === "Promise") return `Promise<${typeText(typeArguments[0], page)}>`;
  return name;
}
