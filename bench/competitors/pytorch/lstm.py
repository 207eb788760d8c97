from recurrent import prepare_layer
from torch import nn


def prepare(params):
    return prepare_layer(params, nn.LSTM)
