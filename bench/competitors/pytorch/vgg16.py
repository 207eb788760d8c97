import math

import torch
import torch.nn.functional as F
from inputs import labels, sample, tiled
from torch import nn

BLOCKS = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]
SIDE = 224
FEATURES = 7 * 7 * 512
EPSILON = 1e-7


def weights(seed, inputs, outputs):
    """He-uniform kernels, [in, out] or the HWIO of 3x3."""
    return tiled(seed, (inputs, outputs), math.sqrt(6 / inputs))


@torch.no_grad()
def make_base():
    layers, inputs, seed = [], 3, 10
    for outputs, count in BLOCKS:
        for _ in range(count):
            layer = nn.Conv2d(inputs, outputs, 3, padding=1)
            layer.weight.copy_(weights(seed, 9 * inputs, outputs).reshape(3, 3, inputs, outputs).permute(3, 2, 0, 1))
            layer.bias.zero_()
            layers += [layer, nn.ReLU(inplace=True)]
            inputs, seed = outputs, seed + 1
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten())


@torch.no_grad()
def make_dense(units):
    layers, inputs = [], FEATURES
    for i, outputs in enumerate(units):
        layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
        kernel = weights(30 + i, inputs, outputs)
        if i == 0:
            # Rows are in the order of NHWC; nn.Flatten gives NCHW.
            kernel = kernel.reshape(49, 512, outputs).transpose(0, 1).reshape(inputs, outputs)
        layer.weight.copy_(kernel.T)
        layer.bias.zero_()
        layers += [layer, nn.ReLU(inplace=True)]
        inputs = outputs
    return nn.Sequential(*layers[:-1])


class Vgg16:
    def __init__(self, params, variant):
        layout = torch.channels_last if variant == "channels last" else torch.contiguous_format
        self.variant = variant
        batch, self.head = params["batch"], params["head"]
        self.x = tiled(1, (batch, SIDE, SIDE, 3)).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        self.base = make_base().to(memory_format=layout)
        self.dense = make_dense([256, 10] if self.head else [4096, 4096, 1000])
        if self.head:
            self.y = labels(2, batch, 10)
            self.optimizer = torch.optim.Adam(self.dense.parameters(), lr=1e-3, eps=EPSILON, fused=True)

    def step(self):
        if not self.head:
            with torch.inference_mode():
                return self.dense(self.base(self.x))
        self.optimizer.zero_grad(set_to_none=True)
        with torch.inference_mode():
            features = self.base(self.x)
        # A tensor of its own: one of inference mode cannot be saved for the gradient.
        loss = F.cross_entropy(self.dense(features.clone()), self.y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def output(self):
        """The logits; or the losses of two steps by Keras' rule: its epsilon is not divided by the bias correction."""
        if not self.head:
            return [sample(self.step())]
        losses = []
        for step in (1, 2):
            self.optimizer.param_groups[0]["eps"] = EPSILON / math.sqrt(1 - 0.999**step)
            losses.append(self.step())
        self.optimizer.param_groups[0]["eps"] = EPSILON
        return [losses]


def prepare(params):
    variants = [params["layout"]] if "layout" in params else ["contiguous", "channels last"]
    return [Vgg16(params, variant) for variant in variants]
