import math
from itertools import cycle

import torch
import torch.nn.functional as F
from inputs import labels, values
from torch import nn
from training import TrainingStep

EPSILON = 1e-7


class StackedLstm(TrainingStep):
    """Two LSTM layers and a dense one: one training step, as eager PyTorch does it best."""

    def __init__(self, params, variant):
        self.variant = variant
        batch, steps, inputs, units, classes, sequences = (
            params[name] for name in ("batch", "steps", "inputs", "units", "classes", "sequences")
        )
        batch_first = variant == "batch first"
        x = values(1, (sequences // batch, batch, steps, inputs))
        y = labels(2, sequences * steps, classes).reshape(-1, batch, steps)
        if not batch_first:
            x, y = x.transpose(1, 2).contiguous(), y.transpose(1, 2).contiguous()
        self.batches = cycle(zip(x, y.flatten(1)))
        self.lstm = nn.LSTM(inputs, units, num_layers=2, batch_first=batch_first)
        self.dense = nn.Linear(units, classes)
        self.set_weights(inputs, units, classes)
        parameters = [p for p in [*self.lstm.parameters(), *self.dense.parameters()] if p.requires_grad]
        self.optimizer = torch.optim.Adam(parameters, lr=1e-3, eps=EPSILON, fused=True)

    @torch.no_grad()
    def set_weights(self, inputs, units, classes):
        """One bias for each layer as Keras has it, 1 for the forget gates; the other stays zero."""
        limit = 1 / math.sqrt(units)
        for layer in (0, 1):
            weight = lambda name: getattr(self.lstm, f"{name}_l{layer}")
            features = inputs if layer == 0 else units
            weight("weight_ih").copy_(values(10 + 2 * layer, (features, 4 * units), limit).T)
            weight("weight_hh").copy_(values(11 + 2 * layer, (units, 4 * units), limit).T)
            weight("bias_ih").zero_()[units : 2 * units] = 1
            weight("bias_hh").zero_().requires_grad_(False)
        self.dense.weight.copy_(values(14, (units, classes), limit).T)
        self.dense.bias.zero_()

    def loss(self):
        x, y = next(self.batches)
        return F.cross_entropy(self.dense(self.lstm(x)[0]).flatten(0, 1), y)


def prepare(params):
    variants = [params["layout"]] if "layout" in params else ["batch first", "steps first"]
    return [StackedLstm(params, variant) for variant in variants]
