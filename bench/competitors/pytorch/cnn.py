import math
from itertools import cycle

import torch
import torch.nn.functional as F
from inputs import labels, values
from torch import nn
from training import TrainingStep

CLASSES = 10
EPSILON = 1e-7


class Cnn(TrainingStep):
    """The README's CNN: one training step, as eager PyTorch does it best."""

    def __init__(self, params, variant):
        layout = torch.channels_last if variant == "channels last" else torch.contiguous_format
        self.variant = variant
        batch, images = params["batch"], params["images"]
        x = values(1, (images // batch, batch, 28, 28, 1))
        y = labels(2, images, CLASSES).reshape(-1, batch)
        self.batches = cycle([(i.permute(0, 3, 1, 2).contiguous(memory_format=layout), j) for i, j in zip(x, y)])
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

    def loss(self):
        x, y = next(self.batches)
        return F.cross_entropy(self.model(x), y)


def prepare(params):
    variants = [params["layout"]] if "layout" in params else ["contiguous", "channels last"]
    return [Cnn(params, variant) for variant in variants]
