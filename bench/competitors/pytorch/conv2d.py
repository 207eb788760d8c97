import torch
import torch.nn.functional as F
from inputs import sample, values


class Conv2d:
    def __init__(self, params, variant):
        n, size, c, o, k = (params[key] for key in ("batch", "size", "inChannels", "outChannels", "kernel"))
        self.stride, self.pad = params["stride"], params["pad"]
        side = (size + 2 * self.pad - k) // self.stride + 1
        layout = torch.channels_last if variant == "channels last" else torch.contiguous_format
        self.variant = variant
        self.x = values(1, (n, size, size, c)).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        self.w = values(2, (k, k, c, o)).permute(3, 2, 0, 1).contiguous(memory_format=layout)
        self.b = values(3, (o,))
        self.wanted = []
        if params["backward"]:
            self.dy = values(4, (n, side, side, o)).permute(0, 3, 1, 2).contiguous(memory_format=layout)
            self.wanted = [self.w, self.b] + ([self.x] if params["inputGradient"] else [])
        for leaf in self.wanted:
            leaf.requires_grad_()

    def step(self):
        y = F.conv2d(self.x, self.w, self.b, self.stride, self.pad)
        return y, torch.autograd.grad(y, self.wanted, self.dy) if self.wanted else ()

    def output(self):
        y, gradients = self.step()
        result = [sample(y.permute(0, 2, 3, 1))]
        if gradients:
            result += [sample(gradients[0].permute(2, 3, 1, 0)), sample(gradients[1])]
        if len(gradients) > 2:
            result.append(sample(gradients[2].permute(0, 2, 3, 1)))
        return result


def prepare(params):
    return [Conv2d(params, variant) for variant in ["contiguous", "channels last"]]
