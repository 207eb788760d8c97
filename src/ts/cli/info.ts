import { inspect, type AddonReport, type CudaReport, type Report } from "./inspect.js";

/** Says what the engine found on this machine. Exit code 1 when it does not start. */
export function info(json: boolean): number {
  const report = inspect();
  process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : format(report));
  return report.error === undefined ? 0 : 1;
}

type Row = readonly [name: string, value: string];

function format(report: Report): string {
  const { glibc, environment, models, memory, error } = report;
  const rows: Row[] = [
    ["nabla", report.nabla],
    ["node", `${report.node}, Node-API ${report.nodeApi}`],
    ["system", `${report.platform}${glibc === null ? "" : `, glibc ${glibc}`}`],
    ["CPU", report.cpu],
    ...engineRows(report),
    ["memory", `${gibibytes(memory.total)}, ${gibibytes(memory.available)} available${limitOf(report)}`],
    ...cudaRows(report.cuda),
    ["models", `${models.count} in ${models.folder}${models.offline ? "; NABLA_OFFLINE: no others are fetched" : ""}`],
    ...Object.entries(environment).map(([name, value], i): Row => [i === 0 ? "set" : "", `${name}=${value}`]),
  ];
  const table = rows.map(([name, value]) => `${name.padEnd(8)} ${value}\n`).join("");
  return error === undefined ? table : `${table}\n${error}\n`;
}

function engineRows({ addon, isa, threads, convolution, device }: Report): Row[] {
  if (!addon || !isa || !threads) return [];
  const { count, why, cpus, pinned, pinning } = threads;
  return [
    ["ISA", `${isa.chosen} (${isa.why}${isa.chosen === isa.detected ? "" : `; this CPU has ${isa.detected}`})`],
    ["threads", `${count} on ${cpus} CPUs (${why}), ${pinned ? "pinned" : "not pinned"} (${pinning})`],
    ["conv", convolution ?? ""],
    ["device", device ?? ""],
    ["addon", addon.path],
    ["", `${addon.origin}, ${(addon.bytes / 2 ** 20).toFixed(1)} MiB${needsOf(addon)}`],
  ];
}

function needsOf({ needs: { glibc, glibcxx } }: AddonReport): string {
  const needs = [...(glibc === null ? [] : [`glibc ${glibc}`]), ...(glibcxx === null ? [] : [`GLIBCXX ${glibcxx}`])];
  return needs.length === 0 ? "" : `, needs ${needs.join(" and ")} or newer`;
}

function limitOf({ memoryLimit, device }: Report): string {
  return memoryLimit === undefined ? "" : `, tensors may take ${gibibytes(memoryLimit)} on ${device}`;
}

function cudaRows({ available, reason, addon, driver, runtime, devices = [] }: CudaReport): Row[] {
  const versions = `${runtime ?? "none"}, driver for ${driver ?? "none"}`;
  const rows: Row[] = [["CUDA", available ? versions : `no: ${reason}`]];
  devices.forEach(({ name, capability, memory, multiprocessors, bandwidth }, i) => {
    const facts = [
      name,
      `compute capability ${(capability / 10).toFixed(1)}`,
      `${multiprocessors} multiprocessors`,
      `${gibibytes(memory)} at ${(bandwidth / 1e9).toFixed(0)} GB/s`,
    ];
    rows.push([`GPU ${i}`, facts.join(", ")]);
  });
  if (addon !== undefined) rows.push(["", addon]);
  return rows;
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
