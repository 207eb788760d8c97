from inputs import sample


class Step:
    """One op: `forward` makes y, and with `dy` the gradients of `leaves` are computed."""

    def __init__(self, forward, leaves=(), dy=None, variant=None, view=lambda tensor: tensor):
        self.forward = forward
        self.leaves = leaves if dy is not None else ()
        self.dy = dy
        self.variant = variant
        # To the layout that the case names.
        self.view = view
        for leaf in self.leaves:
            leaf.requires_grad_()

    def step(self):
        for leaf in self.leaves:
            leaf.grad = None
        y = self.forward()
        if self.leaves:
            y.backward(self.dy)
        return y

    def output(self):
        y = self.step()
        return [sample(self.view(result)) for result in (y, *(leaf.grad for leaf in self.leaves))]
