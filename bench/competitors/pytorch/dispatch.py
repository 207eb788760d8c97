import torch
from inputs import sample, values


class ChainedAdds:
    def __init__(self, params, variant):
        self.variant = variant
        self.adds = params["adds"]
        self.backward = params["pass"] == "backward"
        self.x = values(1, (params["size"],)).requires_grad_(params["pass"] != "plain")
        self.y = values(2, (params["size"],))
        self.ones = torch.ones(params["size"])

    def step(self):
        with torch.inference_mode(self.variant == "inference mode"):
            x, y = self.x, self.y
            for _ in range(self.adds):
                x = x + y
            if self.backward:
                self.x.grad = None
                x.backward(self.ones)
                return [x, self.x.grad]
            return [x]

    def output(self):
        return [sample(y.detach()) for y in self.step()]


def prepare(params):
    variants = ["eager", "inference mode"] if params["pass"] == "plain" else ["eager"]
    return [ChainedAdds(params, variant) for variant in variants]
