import { afterEach, describe, expect, it, vi } from "vitest";

describe("examples/cnn.ts", () => {
  const { argv } = process;
  afterEach(() => {
    process.argv = argv;
    vi.restoreAllMocks();
  });

  it("shows the model, trains and says the accuracy on unseen digits", async () => {
    const lines: string[] = [];
    vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
    process.argv = [argv[0]!, "cnn.js", "--epochs", "1", "--seed", "3"];
    await import("../examples/cnn.js");
    expect(lines[0]).toMatch(/^Model: "sequential/);
    expect(lines.join("\n")).toContain("Total params: 225,034");
    const [, percent] = /^Accuracy on 2000 unseen digits: ([\d.]+) %$/.exec(lines.at(-1)!)!;
    // After one epoch of ten.
    expect(Number(percent)).toBeGreaterThan(93);
  });
});
