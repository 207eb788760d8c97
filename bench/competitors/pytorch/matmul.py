import torch
from inputs import sample, values


class Matmul:
    def __init__(self, params, variant):
        m, n, k = params["m"], params["n"], params["k"]
        self.variant = variant
        self.a = values(1, (k, m)).T if params["transposeA"] else values(1, (m, k))
        self.b = values(2, (n, k)).T if params["transposeB"] else values(2, (k, n))
        self.out = torch.empty(m, n) if variant == "into a given output" else None

    def step(self):
        return torch.matmul(self.a, self.b, out=self.out)

    def output(self):
        return [sample(self.step())]


def prepare(params):
    return [Matmul(params, variant) for variant in ["into a new output", "into a given output"]]
