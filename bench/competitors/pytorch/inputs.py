"""Inputs to the same bits as harness/inputs.ts, and the sampling of outputs."""

import numpy as np
import torch

SAMPLES = 512


def uniform(seed, count):
    """mulberry32: multiples of 2**-24 in [0, 1), as float64."""
    t = (np.arange(1, 1 + count, dtype=np.uint64) * 0x6D2B79F5 + seed).astype(np.uint32)
    t = (t ^ (t >> np.uint32(15))) * (t | np.uint32(1))
    t = t ^ (t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61)))
    return ((t ^ (t >> np.uint32(14))) >> np.uint32(8)).astype(np.float64) / 2**24


def values(seed, shape, limit=1):
    flat = ((2 * uniform(seed, int(np.prod(shape))) - 1) * limit).astype(np.float32)
    return torch.from_numpy(flat.reshape(shape))


def labels(seed, count, classes):
    return torch.from_numpy(np.floor(uniform(seed, count) * classes).astype(np.int64))


def sample(output):
    """Of a tensor in the layout that the case names."""
    flat = output.detach().reshape(-1)
    count = min(SAMPLES, len(flat))
    places = torch.tensor([i * len(flat) // count for i in range(count)])
    return flat[places].tolist()
