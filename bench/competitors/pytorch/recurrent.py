import math

import torch
from inputs import sample, values
from step import Step


class Recurrent(Step):
    """A recurrent layer of one level. `rows` brings the gates of a weight, [gates * units, ...], from the case's order to
    the layer's, and back."""

    def __init__(self, params, variant, layer, rows=lambda weight: weight):
        batch, steps, inputs, units = (params[name] for name in ("batch", "steps", "inputs", "units"))
        width, limit = params["gates"] * units, 1 / math.sqrt(units)
        self.backward = params["backward"]
        self.batch_first = variant == "batch first"
        self.rows = rows
        model = layer(inputs, units, batch_first=self.batch_first).train(self.backward)
        model.requires_grad_(False)
        given = [
            values(2, (inputs, width), limit).T,
            values(3, (units, width), limit).T,
            *values(4, (params["biasRows"], width), limit),
        ]
        # A second bias that the case does not have stays zero, and has no gradient.
        model.bias_hh_l0.zero_()
        weights = [model.weight_ih_l0, model.weight_hh_l0, model.bias_ih_l0, model.bias_hh_l0][: len(given)]
        for weight, value in zip(weights, given):
            weight.copy_(rows(value))
        x, dy = values(1, (batch, steps, inputs)), values(5, (batch, steps, units))
        dy[params["rows"] :] = 0
        x, dy = self.turned(x).contiguous(), self.turned(dy).contiguous()
        super().__init__(lambda: model(x)[0], [x, *weights], dy if self.backward else None, variant)

    def turned(self, x):
        """Between the case's layout and the variant's."""
        return x if self.batch_first else x.transpose(0, 1)

    def output(self):
        y = self.step()
        if not self.backward:
            return [sample(self.turned(y))]
        dx, *of_weights = (leaf.grad for leaf in self.leaves)
        dkernel, drecurrent, *dbias = (self.rows(gradient) for gradient in of_weights)
        results = self.turned(y), self.turned(dx), dkernel.T, drecurrent.T, torch.stack(dbias)
        return [sample(result) for result in results]


def prepare_layer(params, layer, **options):
    return [Recurrent(params, variant, layer, **options) for variant in ("batch first", "steps first")]
