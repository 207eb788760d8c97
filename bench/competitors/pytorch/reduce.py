import torch
from inputs import sample, values


class Reduce:
    variant = None

    def __init__(self, params):
        self.x = values(1, (params["rows"], params["columns"]))
        self.compute = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}[params["op"]]
        self.axis = (0, 1) if params["axis"] < 0 else params["axis"]

    def step(self):
        return self.compute(self.x, self.axis)

    def output(self):
        return [sample(self.step())]


def prepare(params):
    return [Reduce(params)]
