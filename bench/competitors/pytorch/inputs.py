"""Inputs to the same bits as harness/inputs.ts, and the sampling of outputs."""

import numpy as np
import torch

SAMPLES = 512
# Where the inputs lie and the ops run; main.py sets it.
device = "cpu"


def bits(seed, count):
    """mulberry32: whole numbers below 2**24."""
    t = np.arange(1, 1 + count, dtype=np.uint32)
    t *= np.uint32(0x6D2B79F5)
    t += np.uint32(seed)
    t = (t ^ (t >> np.uint32(15))) * (t | np.uint32(1))
    t ^= t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))
    return (t ^ (t >> np.uint32(14))) >> np.uint32(8)


def values(seed, shape, limit=1):
    """Uniform in [-limit, limit)."""
    count = int(np.prod(shape))
    # Exact in float32 up to the limit, which is multiplied in float64.
    unit = bits(seed, count).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)
    flat = unit if limit == 1 else (unit.astype(np.float64) * limit).astype(np.float32)
    return torch.from_numpy(flat.reshape(shape)).to(device)


def tiled(seed, shape, limit=1):
    """The first 2**20 values over and over."""
    count = int(np.prod(shape))
    tile = values(seed, (min(count, 2**20),), limit).cpu().numpy()
    return torch.from_numpy(np.resize(tile, count).reshape(shape)).to(device)


def labels(seed, count, classes):
    return torch.from_numpy(np.floor(bits(seed, count) / 2**24 * classes).astype(np.int64)).to(device)


def sample(output):
    """Of a tensor in the layout that the case names."""
    flat = output.detach().reshape(-1)
    count = min(SAMPLES, len(flat))
    places = torch.tensor([i * len(flat) // count for i in range(count)], device=flat.device)
    return flat[places].tolist()
