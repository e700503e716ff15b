"""Muon: descent in which every matrix of weights takes steps that push all its directions equally far.

A gradient of a matrix is mostly a few strong directions; the many weak ones hardly move, though they carry what is
rare. Muon takes the gradient's momentum U S V' and steps along U V': the same directions, all of one length. A few
rounds of a fifth-degree polynomial, which need products of matrices alone, carry the singular values near to 1; how
near does not matter. Convolutions count as matrices with a row for each channel made. Scales, biases and the first and
last layers' weights stay with AdamW.

Papers: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the polynomial is an old way to
a matrix sign (Kovarik 1970; Björck & Bowie 1971).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

COEFFICIENTS = 3.4445, -4.7750, 2.0315  # a x + b x³ + c x⁵: steep at 0, and stays between 0.7 and 1.2 near 1


def orthogonal(matrix: "Tensor", rounds: int = 3, bf16: bool = False) -> "Tensor":
    """The nearest matrix whose singular values are about 1, between 0.7 and 1.2, for a matrix of float32 (m, n).

    bf16: whether to multiply in that precision; the polynomial forgives it.
    """
    import torch

    a, b, c = COEFFICIENTS
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    x = x.to(torch.bfloat16) if bf16 else x
    for _ in range(rounds):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    x = x.to(matrix.dtype)
    return x.T if matrix.shape[0] > matrix.shape[1] else x


def muon(weights: Iterable["nn.Parameter"], rate: float, decay: float, bf16: bool = False) -> "Optimizer":
    """The optimiser of weights of two or more dimensions, the first of which is the outputs'.

    A function, because its class needs torch, which is imported only when a network is trained.
    """
    import torch

    class Muon(torch.optim.Optimizer):
        @torch.no_grad()
        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            for group in self.param_groups:
                for weight in group["params"]:
                    if weight.grad is None:
                        continue
                    grad, state = weight.grad, self.state[weight]
                    momentum = state.setdefault("momentum", torch.zeros_like(grad))
                    momentum.mul_(group["momentum"]).add_(grad)
                    ahead = grad.add(momentum, alpha=group["momentum"]).flatten(1)  # Nesterov's look ahead
                    stride = group["lr"] * max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.sub_(orthogonal(ahead, bf16=bf16).reshape(weight.shape), alpha=stride)

    return Muon(weights, {"lr": rate, "momentum": 0.9, "weight_decay": decay})
