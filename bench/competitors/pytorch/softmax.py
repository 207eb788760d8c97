import torch
from inputs import sample, values

LIMIT = 4


class Softmax:
    variant = ""

    def __init__(self, params):
        shape = (params["rows"], params["columns"])
        self.backward = params["backward"]
        self.compute = torch.softmax if params["op"] == "softmax" else torch.log_softmax
        self.x = values(1, shape, LIMIT).requires_grad_(self.backward)
        self.dy = values(2, shape)

    def step(self):
        self.x.grad = None
        y = self.compute(self.x, -1)
        if self.backward:
            y.backward(self.dy)
        return y

    def output(self):
        y = self.step()
        return [sample(result) for result in ([y, self.x.grad] if self.backward else [y])]


def prepare(params):
    return [Softmax(params)]
