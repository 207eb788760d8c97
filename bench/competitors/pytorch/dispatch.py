import torch
from inputs import sample, values


class ChainedAdds:
    def __init__(self, params, variant):
        self.variant = variant
        self.adds = params["adds"]
        self.x = values(1, (params["size"],))
        self.y = values(2, (params["size"],))

    def step(self):
        with torch.inference_mode(self.variant == "inference mode"):
            x, y = self.x, self.y
            for _ in range(self.adds):
                x = x + y
            return x

    def output(self):
        return [sample(self.step())]


def prepare(params):
    return [ChainedAdds(params, variant) for variant in ["eager", "inference mode"]]
