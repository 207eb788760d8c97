import torch
from recurrent import prepare_layer
from torch import nn


def swapped(weight):
    """Gates update, reset, candidate as reset, update, candidate, or back."""
    update, reset, candidate = weight.chunk(3)
    return torch.cat([reset, update, candidate])


def prepare(params):
    return prepare_layer(params, nn.GRU, rows=swapped)
