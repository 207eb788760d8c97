import math

import torch
import torch.nn.functional as F
from inputs import labels, sample, values
from torch import nn

CLASSES = 10
EPSILON = 1e-7


class Cnn:
    """The README's CNN: one training step, as eager PyTorch does it best."""

    def __init__(self, params, variant):
        layout = torch.channels_last if variant == "channels last" else torch.contiguous_format
        self.variant = variant
        batch, images = params["batch"], params["images"]
        x = values(1, (images // batch, batch, 28, 28, 1))
        y = labels(2, images, CLASSES).reshape(-1, batch)
        self.batches = [(i.permute(0, 3, 1, 2).contiguous(memory_format=layout), j) for i, j in zip(x, y)]
        self.next = 0
        self.model = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(1600, 128),
            nn.ReLU(),
            nn.Linear(128, CLASSES),
        )
        self.set_weights()
        self.model = self.model.to(memory_format=layout)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, eps=EPSILON, fused=True)

    @torch.no_grad()
    def set_weights(self):
        """Glorot-uniform kernels in HWIO and [in, out], zero biases."""
        shapes = [(3, 3, 1, 32), (3, 3, 32, 64), (1600, 128), (128, CLASSES)]
        layers = [layer for layer in self.model if hasattr(layer, "weight")]
        for seed, (shape, layer) in enumerate(zip(shapes, layers), start=10):
            limit = math.sqrt(6 / (math.prod(shape[:-2]) * (shape[-2] + shape[-1])))
            kernel = values(seed, shape, limit)
            if len(shape) == 4:
                kernel = kernel.permute(3, 2, 0, 1)
            elif shape[0] == 1600:
                # Rows are in the order of NHWC; nn.Flatten gives NCHW.
                kernel = kernel.reshape(5, 5, 64, 128).permute(3, 2, 0, 1).reshape(128, 1600)
            else:
                kernel = kernel.T
            layer.weight.copy_(kernel)
            layer.bias.zero_()

    def step(self):
        x, y = self.batches[self.next]
        self.next = (self.next + 1) % len(self.batches)
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def output(self):
        """The losses of the first five steps, by Keras' rule: its epsilon is not divided by the bias correction."""
        losses = []
        for step in range(1, 6):
            self.optimizer.param_groups[0]["eps"] = EPSILON / math.sqrt(1 - 0.999**step)
            losses.append(self.step())
        self.optimizer.param_groups[0]["eps"] = EPSILON
        return [sample(torch.tensor(losses))]


def prepare(params):
    variants = [params["layout"]] if "layout" in params else ["contiguous", "channels last"]
    return [Cnn(params, variant) for variant in variants]
