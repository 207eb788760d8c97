import math

import torch
from inputs import sample, values
from step import Step
from torch import nn


def swapped(matrix):
    """Gates update, reset, candidate as reset, update, candidate, or back; they are rows."""
    update, reset, candidate = matrix.chunk(3)
    return torch.cat([reset, update, candidate])


class Gru(Step):
    def __init__(self, params, variant):
        batch, steps, inputs, units = (params[name] for name in ("batch", "steps", "inputs", "units"))
        self.backward = params["backward"]
        self.batch_first = variant == "batch first"
        model = nn.GRU(inputs, units, batch_first=self.batch_first).train(self.backward)
        limit = 1 / math.sqrt(units)
        bias = values(4, (2, 3 * units), limit)
        with torch.no_grad():
            model.weight_ih_l0.copy_(swapped(values(2, (inputs, 3 * units), limit).T))
            model.weight_hh_l0.copy_(swapped(values(3, (units, 3 * units), limit).T))
            model.bias_ih_l0.copy_(swapped(bias[0]))
            model.bias_hh_l0.copy_(swapped(bias[1]))
        model.requires_grad_(False)
        x, dy = values(1, (batch, steps, inputs)), values(5, (batch, steps, units))
        dy[params["rows"] :] = 0
        x, dy = self.turned(x).contiguous(), self.turned(dy).contiguous()
        leaves = [x, model.weight_ih_l0, model.weight_hh_l0, model.bias_ih_l0, model.bias_hh_l0]
        super().__init__(lambda: model(x)[0], leaves, dy if self.backward else None, variant)

    def turned(self, x):
        """Between the case's layout and the variant's."""
        return x if self.batch_first else x.transpose(0, 1)

    def output(self):
        y = self.step()
        if not self.backward:
            return [sample(self.turned(y))]
        dx, *of_weights = (leaf.grad for leaf in self.leaves)
        dkernel, drecurrent, dbias, drecurrent_bias = (swapped(gradient) for gradient in of_weights)
        results = self.turned(y), self.turned(dx), dkernel.T, drecurrent.T, torch.stack([dbias, drecurrent_bias])
        return [sample(result) for result in results]


def prepare(params):
    return [Gru(params, variant) for variant in ("batch first", "steps first")]
