import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { io } from "nabla";
import { workFolder } from "../support/safetensors.js";

interface Fixture {
  base64: string;
  tensors: Record<string, { dtype: string; shape: number[]; data: string[] }>;
}
const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/safetensors_file.json", import.meta.url), "utf8"),
) as Fixture;

const { at, write } = workFolder();
const theirs = write("theirs.safetensors", Buffer.from(fixture.base64, "base64"));

it("reads what the safetensors package wrote", async () => {
  const { tensors, metadata } = await io.loadSafetensors(theirs);
  expect({ ...metadata }).toEqual({ format: "pt" });
  expect([...tensors.keys()].sort()).toEqual(Object.keys(fixture.tensors).sort());
  for (const [name, { dtype, shape, data }] of Object.entries(fixture.tensors)) {
    const tensor = tensors.get(name)!;
    expect([tensor.dtype, tensor.shape]).toEqual([dtype, shape]);
    const expected = data.map((text) =>
      text === "inf" ? Infinity : text === "True" ? 1 : text === "False" ? 0 : Number(text),
    );
    // In float32 where the tensor is; -0 differs from 0.
    expect(Array.from(await tensor.data(), Number)).toEqual(dtype === "float32" ? expected.map(Math.fround) : expected);
  }
});

it("writes the same bytes as the safetensors package", async () => {
  const { tensors, metadata } = await io.loadSafetensors(theirs);
  const ours = at("ours.safetensors");
  await io.saveSafetensors(ours, tensors, { metadata });
  expect(readFileSync(ours)).toEqual(readFileSync(theirs));
});
