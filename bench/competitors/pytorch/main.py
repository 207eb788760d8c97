"""PyTorch as a competitor: speaks the protocol of harness/protocol.ts. Arguments: number of threads, device."""

import importlib.util
import json
import pathlib
import re
import sys
import time
import traceback

import inputs
import torch

# How long each way of doing a case is tried before one is chosen, in seconds.
TRIAL = 0.15


def timed(subject, iterations):
    start = time.perf_counter()
    for _ in range(iterations):
        subject.step()
    if inputs.device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def fastest(subjects):
    """The best of some short trials decides, the subjects taking turns."""
    if len(subjects) == 1:
        return subjects[0]
    for subject in subjects:
        timed(subject, 1)
    seconds = [timed(subject, 1) for subject in subjects]
    best = list(seconds)
    # One trial of long steps has to do.
    for _ in range(0 if max(seconds) > TRIAL else 5):
        for i, subject in enumerate(subjects):
            count = max(1, round(TRIAL / 5 / seconds[i]))
            timed(subject, 1)
            best[i] = min(best[i], timed(subject, count) / count)
    return subjects[best.index(min(best))]


def prepare(stem, params):
    if importlib.util.find_spec(stem) is None:
        return None, {"unsupported": f"no {stem}"}
    subjects = importlib.import_module(stem).prepare(params)
    # Outputs come first: the steps of a training case change its weights.
    outputs = {subject.variant: subject.output() for subject in subjects}
    chosen = fastest(subjects)
    return chosen, {"output": outputs[chosen.variant], "variant": chosen.variant}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.set_num_interop_threads(1)

    def say(reply):
        print(json.dumps(reply), flush=True)

    inputs.device = sys.argv[2]
    if inputs.device == "cuda" and not torch.cuda.is_available():
        return say({"version": torch.__version__, "absent": "finds no CUDA device"})
    torch.set_default_device(inputs.device)
    say({"version": torch.__version__})
    subject = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "prepare":
                subject = None
                subject, reply = prepare(request["stem"], request["params"])
            elif request["do"] == "memory":
                status = pathlib.Path("/proc/self/status").read_text()
                reply = {"bytes": int(re.search(r"VmHWM:\s*(\d+)", status)[1]) * 1024}
            else:
                if request["settle"]:
                    timed(subject, 1)
                reply = {"seconds": timed(subject, request["iterations"])}
        except Exception:
            reply = {"error": traceback.format_exc()}
        say(reply)


if __name__ == "__main__":
    main()
