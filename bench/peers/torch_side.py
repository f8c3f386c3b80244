"""The side of PyTorch on the CPU, without compilation, as it is mostly used."""

import platform
import time

import numpy as np
import torch
import worker
from torch.func import functional_call, jacrev, vmap
from worker import load, numbers


class Dense(torch.nn.Module):
    """The net of Kernelsmith's .npz file, in its parameterization."""

    def __init__(self, net, file):
        super().__init__()
        arrays, self.depth = np.load(file), net['depth']
        self.scales = []
        for layer in range(self.depth + 1):
            w = torch.from_numpy(arrays[f'layer{layer}.weight'])
            hidden = layer < self.depth
            self.scales.append(((net['weight_std'] if hidden else 1.0) / w.shape[1]**0.5, net['bias_std']))
            setattr(self, f'w{layer}', torch.nn.Parameter(w))
            if f'layer{layer}.bias' in arrays:
                setattr(self, f'b{layer}', torch.nn.Parameter(torch.from_numpy(arrays[f'layer{layer}.bias'])))

    def forward(self, h):
        for layer, (weight, bias) in enumerate(self.scales):
            w, b = getattr(self, f'w{layer}'), getattr(self, f'b{layer}', None)
            h = h @ w.t() * weight if b is None else torch.addmm(b, h, w.t(), beta=bias, alpha=weight)
            if layer < self.depth:
                h = torch.relu(h)
        return h


def train(x, y, n, d, outputs, net, file, steps, rate, **_):
    """Steps of gradient descent on all points."""
    points = torch.from_numpy(load(np, x, 'float32', n, d))
    targets = torch.from_numpy(load(np, y, 'float32', n, outputs))

    def work():
        model = Dense(net, file)
        with torch.no_grad():
            before = model(points)
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        for step in range(steps):
            if step == 1:
                begin = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            loss = ((model(points) - before - targets)**2).sum(1).mean()
            loss.backward()
            optimizer.step()
        return float(loss.detach()), (time.perf_counter() - begin) / (steps - 1)

    work.values = lambda result: [result[0]]
    work.seconds = lambda result: result[1]
    return work


def empirical(x, n, d, net, file, **_):
    """The empirical NTK of a net of one output by contraction of per-point gradients, as in torch.func's tutorial."""
    points, model = torch.from_numpy(load(np, x, 'float32', n, d)), Dense(net, file)
    tree = {k: v.detach() for k, v in model.named_parameters()}
    gradients = vmap(jacrev(lambda p, one: functional_call(model, p, (one[None],))[0, 0]), (None, 0))

    def work():
        return sum(g.flatten(1) @ g.flatten(1).t() for g in gradients(tree, points).values())

    work.values = lambda k: numbers(k.numpy())
    return work


def product(n, type, **_):
    a, b = (torch.full((n, n), v, dtype=getattr(torch, type)) for v in (0.5, 0.25))

    def work():
        return a @ b

    work.values = lambda c: [float(c[0, 0]) / n]
    return work


OPERATIONS = {'train': train, 'empirical': empirical, 'bare': product}


def about():
    return {'versions': {'Python': platform.python_version(), 'PyTorch': torch.__version__, 'NumPy': np.__version__},
            'threads': torch.get_num_threads()}


if __name__ == '__main__':
    worker.serve(OPERATIONS, about)
