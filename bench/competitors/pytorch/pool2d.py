import torch
from inputs import sample, values


class Pool2d:
    """A pooling with windows of 2x2, by its function."""

    def __init__(self, pool, params, variant):
        n, size, channels = (params[key] for key in ("batch", "size", "channels"))
        layout = torch.channels_last if variant == "channels last" else torch.contiguous_format
        self.pool = pool
        self.variant = variant
        self.x = values(1, (n, size, size, channels)).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        dy = values(2, (n, size // 2, size // 2, channels))
        self.dy = dy.permute(0, 3, 1, 2).contiguous(memory_format=layout)
        self.backward = params["backward"]
        self.x.requires_grad_(self.backward)

    def step(self):
        y = self.pool(self.x, 2)
        return y, torch.autograd.grad(y, self.x, self.dy) if self.backward else ()

    def output(self):
        y, gradients = self.step()
        return [sample(tensor.permute(0, 2, 3, 1)) for tensor in (y, *gradients)]


def prepare(pool, params):
    return [Pool2d(pool, params, variant) for variant in ["contiguous", "channels last"]]
