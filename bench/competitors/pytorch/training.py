import math

import torch
from inputs import sample


class TrainingStep:
    """A training step with an `optimizer` of the Adam family; `loss()` is that of the next batch."""

    # Of the first steps, which are the output.
    losses = 5

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def output(self):
        """The losses by Keras' rule: its epsilon is not divided by the bias correction."""
        group = self.optimizer.param_groups[0]
        epsilon, losses = group["eps"], []
        for step in range(1, self.losses + 1):
            group["eps"] = epsilon / math.sqrt(1 - 0.999**step)
            losses.append(self.step())
        group["eps"] = epsilon
        return [sample(torch.tensor(losses))]
