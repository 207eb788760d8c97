import torch
from inputs import sample, values


class Matmul:
    def __init__(self, params, variant):
        m, n, k = params["m"], params["n"], params["k"]
        batch = (params["batch"],) if params["batch"] > 1 else ()
        dtype = getattr(torch, params["dtype"])
        self.variant = variant

        def operand(seed, rows, columns, transposed):
            shape = (columns, rows) if transposed else (rows, columns)
            array = values(seed, (*batch, *shape)).to(dtype)
            return array.mT if transposed else array

        self.a = operand(1, m, k, params["transposeA"])
        self.b = operand(2, k, n, params["transposeB"])
        self.out = torch.empty(*batch, m, n, dtype=dtype) if variant == "into a given output" else None

    def step(self):
        return torch.matmul(self.a, self.b, out=self.out)

    def output(self):
        return [sample(self.step())]


def prepare(params):
    return [Matmul(params, variant) for variant in ["into a new output", "into a given output"]]
