import torch
import torch.nn.functional as F
from inputs import labels, sample, values


class Embedding:
    variant = None

    def __init__(self, params):
        count, rows, size = params["count"], params["rows"], params["size"]
        self.backward = params["backward"]
        self.table = values(1, (rows, size)).requires_grad_(self.backward)
        self.indices = labels(2, count, rows)
        self.dy = values(3, (count, size))

    def step(self):
        y = F.embedding(self.indices, self.table)
        return (y, *torch.autograd.grad(y, self.table, self.dy)) if self.backward else (y,)

    def output(self):
        return [sample(result) for result in self.step()]


def prepare(params):
    return [Embedding(params)]
