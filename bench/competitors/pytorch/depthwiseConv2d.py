import torch
import torch.nn.functional as F
from inputs import values
from step import Step


def depthwise(params, variant):
    n, size, channels = params["batch"], params["size"], params["channels"]
    layout = torch.channels_last if variant == "channels last" else torch.contiguous_format

    def images(seed):
        return values(seed, (n, size, size, channels)).permute(0, 3, 1, 2).contiguous(memory_format=layout)

    def view(tensor):
        """Images to NHWC, the kernel to [3, 3, channels]."""
        return tensor.permute(0, 2, 3, 1) if len(tensor) == n and tensor.shape[1] == channels else tensor[:, 0].permute(1, 2, 0)

    x = images(1)
    w = values(2, (3, 3, channels)).permute(2, 0, 1)[:, None].contiguous(memory_format=layout)
    dy = images(3) if params["backward"] else None
    return Step(lambda: F.conv2d(x, w, padding=1, groups=channels), [x, w], dy, variant, view)


def prepare(params):
    return [depthwise(params, variant) for variant in ["contiguous", "channels last"]]
