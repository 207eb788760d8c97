import torch
import torch.nn.functional as F
from inputs import labels, tiled
from torch import nn
from training import TrainingStep

VOCABULARY, POSITIONS, BLOCKS, HEADS, FEATURES, HIDDEN = 30522, 512, 6, 12, 768, 3072
CLASSES = 2
LIMIT = 0.035
EPSILON = 1e-7


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(FEATURES, FEATURES) for _ in range(4))
        self.up, self.down = nn.Linear(FEATURES, HIDDEN), nn.Linear(HIDDEN, FEATURES)
        self.norms = nn.ModuleList(nn.LayerNorm(FEATURES, eps=1e-12) for _ in range(2))

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = (layer(x).view(batch, length, HEADS, -1).transpose(1, 2) for layer in (self.q, self.k, self.v))
        heads = F.scaled_dot_product_attention(q, k, v)
        x = self.norms[0](self.out(heads.transpose(1, 2).reshape(x.shape)) + x)
        return self.norms[1](self.down(F.gelu(self.up(x))) + x)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.positions = nn.Embedding(VOCABULARY, FEATURES), nn.Embedding(POSITIONS, FEATURES)
        self.norm = nn.LayerNorm(FEATURES, eps=1e-12)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.first, self.last = nn.Linear(FEATURES, FEATURES), nn.Linear(FEATURES, CLASSES)
        self.set_weights()

    @torch.no_grad()
    def set_weights(self):
        """Seeds in the order of the layers; kernels [in, out]."""
        seed = 10
        for layer in self.modules():
            if isinstance(layer, nn.Embedding):
                layer.weight.copy_(tiled(seed, layer.weight.shape, LIMIT))
            elif isinstance(layer, nn.Linear):
                layer.weight.copy_(tiled(seed, (layer.in_features, layer.out_features), LIMIT).T)
                layer.bias.zero_()
            else:
                continue
            seed += 1

    def forward(self, tokens):
        x = self.norm(self.words(tokens) + self.positions.weight[: tokens.shape[1]])
        return self.last(F.relu(self.first(self.blocks(x)[:, 0])))


class DistilBert(TrainingStep):
    variant = None
    losses = 3

    def __init__(self, params):
        batch, length = params["batch"], params["length"]
        self.tokens = labels(1, batch * length, VOCABULARY).reshape(batch, length)
        self.y = labels(2, batch, CLASSES)
        self.model = Network()
        parameters = self.model.parameters()
        self.optimizer = torch.optim.AdamW(parameters, lr=5e-5, weight_decay=0.01, eps=EPSILON, fused=True)

    def loss(self):
        return F.cross_entropy(self.model(self.tokens), self.y)


def prepare(params):
    return [DistilBert(params)]
