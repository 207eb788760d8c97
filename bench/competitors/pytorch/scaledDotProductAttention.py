import torch.nn.functional as F
from inputs import values
from step import Step


def prepare(params):
    shape = (params["batch"], params["length"], params["heads"], params["size"])

    def attention(variant, lay):
        q, k, v = (lay(values(seed, shape)) for seed in (1, 2, 3))
        dy = lay(values(4, shape)) if params["backward"] else None
        forward = lambda: F.scaled_dot_product_attention(q, k, v, is_causal=params["causal"])
        return Step(forward, [q, k, v], dy, variant)

    # Layers for it transpose; whether a copy in the order of the heads is faster, it may choose.
    return [
        attention("transposed", lambda x: x.transpose(1, 2)),
        attention("contiguous", lambda x: x.transpose(1, 2).contiguous()),
    ]
