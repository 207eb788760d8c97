import torch
import torch.nn.functional as F
from inputs import sample, values

LIMIT = 4


class Activation:
    def __init__(self, params, variant):
        shape = (params["rows"], params["columns"])
        self.variant = variant
        self.add = params["add"]
        self.inputs = [values(seed, shape, LIMIT) for seed in ([1, 2] if self.add else [1])]
        self.dy = values(3, shape)
        self.wanted = self.inputs if params["backward"] else []
        for leaf in self.wanted:
            leaf.requires_grad_()

    def step(self):
        if self.add:
            y = F.relu(torch.add(*self.inputs), inplace=self.variant == "in place")
        else:
            y = F.gelu(self.inputs[0])
        if self.wanted:
            for leaf in self.wanted:
                leaf.grad = None
            y.backward(self.dy)
        return y, [leaf.grad for leaf in self.wanted]

    def output(self):
        y, gradients = self.step()
        return [sample(y)] + [sample(gradient) for gradient in gradients]


def prepare(params):
    return [Activation(params, variant) for variant in (["in place", "into new memory"] if params["add"] else [""])]
