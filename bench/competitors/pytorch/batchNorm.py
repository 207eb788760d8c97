import torch
import torch.nn.functional as F
from inputs import values
from step import Step

EPSILON = 1e-3
LIMIT = 0.5


def channels_last(tensor):
    return tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor


def batch_norm(params, variant):
    channels, backward = params["channels"], params["backward"]
    layout = torch.channels_last if variant == "channels last" else torch.contiguous_format

    def images(seed):
        array = values(seed, (params["batch"], params["size"], params["size"], channels))
        return array.permute(0, 3, 1, 2).contiguous(memory_format=layout)

    x, gamma, beta = images(1), values(2, (channels,)), values(3, (channels,))
    if backward:
        forward = lambda: F.batch_norm(x, None, None, gamma, beta, training=True, eps=EPSILON)
        return Step(forward, [x, gamma, beta], images(6), variant, channels_last)
    mean, variance = values(4, (channels,), LIMIT), values(5, (channels,), LIMIT) + 1
    forward = lambda: F.batch_norm(x, mean, variance, gamma, beta, eps=EPSILON)
    return Step(forward, variant=variant, view=channels_last)


def prepare(params):
    return [batch_norm(params, variant) for variant in ["contiguous", "channels last"]]
