import torch
import torch.nn.functional as F
from inputs import sample, values


class Conv2d:
    def __init__(self, params, variant):
        n, h, w, c, o, k = (params[key] for key in ("batch", "height", "width", "inChannels", "outChannels", "kernel"))
        layout = torch.channels_last if variant == "channels last" else torch.contiguous_format
        self.variant = variant
        self.x = values(1, (n, h, w, c)).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        self.w = values(2, (k, k, c, o)).permute(3, 2, 0, 1).contiguous(memory_format=layout)
        self.b = values(3, (o,))
        self.dy = values(4, (n, h - k + 1, w - k + 1, o)).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        self.wanted = []
        if params["backward"]:
            self.wanted = [self.w, self.b] + ([self.x] if params["inputGradient"] else [])
        for leaf in self.wanted:
            leaf.requires_grad_()

    def step(self):
        y = F.conv2d(self.x, self.w, self.b)
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
