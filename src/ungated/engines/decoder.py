"""The transformer that looks only backwards, as the algorithms share it that write: its layers, its settings, its cost.

Codes come in as vectors; in a block, every place asks those before it, and a small network works on what was taken in;
at the end, each place's vector is compared with those of all codes. What is known to help is in: places are told by
turning queries and keys by an angle (rotary positions, Su et al. 2021); vectors are scaled to one length before each
step (RMS norm, Zhang & Sennrich 2019), as queries and keys are (QK norm, Henry et al. 2020); the small network squares
what is positive (So et al. 2021); codes come in as the vectors that they go out as (tied embeddings, Press & Wolf
2017); runs of two and three codes have vectors of their own, looked up by a hash of the run, so that the blocks need
not learn to spell (Roy et al. 2022, "N-Grammer"); matrices learn by Muon.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.algorithm import Algorithm, Cost, Machine, setting
from ..core.numbers import Shape
from .torch_loop import Schedule

if TYPE_CHECKING:
    from torch import Tensor

RUNS = 32  # numbers in the vector of a run of two or three codes


def network(levels: int, width: int, blocks: int, heads: int, dropout: float, bits: int, guided: bool = False) -> Any:
    """The untrained network: (x (n, length) int64, memory) to (scores (n, length, levels), memory).

    memory: the last codes, and each block's keys and values so far. bits: 2 to that many vectors of runs; 0 for none.
    guided: gives one score more at each place, of how far to trust the n-grams that it goes on from.
    A function, because its classes need torch, which is imported only when a network is trained or asked.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    each = width // heads

    def norm(h: "Tensor") -> "Tensor":
        return functional.rms_norm(h, h.shape[-1:])

    def turned(h: "Tensor", cos: "Tensor", sin: "Tensor") -> "Tensor":
        """h (n, heads, length, each), its two halves as the coordinates of points that are turned."""
        a, b = h.chunk(2, dim=-1)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ask = nn.Linear(width, 3 * width, bias=False)
            self.tell = nn.Linear(width, width, bias=False)
            self.into = nn.Linear(width, 4 * width, bias=False)
            self.back = nn.Linear(4 * width, width, bias=False)
            self.sharpness = nn.Parameter(torch.full((heads, 1, 1), each**0.5))
            nn.init.zeros_(self.tell.weight)
            nn.init.zeros_(self.back.weight)

        def forward(self, h: "Tensor", cos: "Tensor", sin: "Tensor", before: Any) -> tuple["Tensor", Any]:
            q, k, v = self.ask(norm(h)).unflatten(2, (3 * heads, each)).transpose(1, 2).chunk(3, dim=1)
            q = (turned(norm(q), cos, sin) * (self.sharpness / each)).to(v.dtype)
            k = turned(norm(k), cos, sin).to(v.dtype)
            if before is not None:
                k, v = torch.cat([before[0], k], dim=2), torch.cat([before[1], v], dim=2)
            # Written out: for windows this short, a processor does so faster than by the fused kernel.
            asked, known = q.shape[2], k.shape[2]
            later = torch.full((asked, known), -torch.inf).triu(known - asked + 1)
            taken = (q @ k.transpose(2, 3) + later).softmax(-1).to(v.dtype) @ v
            h = h + self.drop(self.tell(taken.transpose(1, 2).flatten(2)))
            return h + self.drop(self.back(functional.relu(self.into(norm(h))).square())), (k, v)

        def drop(self, h: "Tensor") -> "Tensor":
            return functional.dropout(h, dropout, self.training)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vectors = nn.Embedding(levels, width)
            nn.init.normal_(self.vectors.weight, std=0.02)
            if bits:
                self.vectors_of_runs = nn.Embedding(2 << bits, RUNS)
                nn.init.normal_(self.vectors_of_runs.weight, std=0.02)
                self.head_runs = nn.Linear(2 * RUNS, width, bias=False)
            self.blocks = nn.ModuleList(Block() for _ in range(blocks))
            self.head_scale = nn.Parameter(torch.tensor(1.0))
            if guided:
                self.head_trust = nn.Linear(width, 1)
                nn.init.zeros_(self.head_trust.weight)
                nn.init.zeros_(self.head_trust.bias)

        def runs(self, x: "Tensor") -> "Tensor":
            """The vectors of the run of two and the run of three that end at each place but the first two of x."""
            pair = x[:, 1:] * 1_000_003 + x[:, :-1] + 1
            three = pair[:, 1:] * 998_244_353 + x[:, :-2] + 7
            places = [(run * 0x9E3779B97F4A7C1 & 0x7FFFFFFFFFFFFFFF) >> (63 - bits) for run in (pair[:, 1:], three)]
            both = torch.stack([places[0], places[1] + (1 << bits)], dim=-1)
            return self.vectors_of_runs(both).flatten(2)

        def forward(self, x: "Tensor", memory: Any = None) -> tuple["Tensor", Any]:
            nothing = torch.zeros(len(x), 2, dtype=torch.int64), [None] * blocks
            last, past = nothing if memory is None else memory
            start = 0 if memory is None else memory[1][0][0].shape[2]
            longer = torch.cat([last, x], dim=1)
            h = norm(self.vectors(x))
            if bits:
                h = h + self.head_runs(norm(self.runs(longer)))
            place = torch.arange(start, start + x.shape[1], dtype=torch.float32)[:, None]
            angle = place * 10_000.0 ** (-torch.arange(0, each, 2, dtype=torch.float32) / each)
            cos, sin, kept = angle.cos(), angle.sin(), []
            for block, before in zip(self.blocks, past, strict=True):
                h, pair = block(h, cos, sin, before)
                kept.append(pair)
            h = norm(h)
            scores = functional.linear(h * self.head_scale, self.vectors.weight)
            if guided:
                scores = torch.cat([scores, self.head_trust(h)], dim=-1)
            return scores, (longer[:, -2:], kept)

    return Network()


@dataclass(frozen=True)
class Decoder(Algorithm):
    """The settings of such a network, its cost, and how long it learns. Subclasses are the algorithms."""

    width: int = setting(128, "numbers in a code's vector, and at each place", choices=(64, 128, 192, 256, 384))
    blocks: int = setting(2, "blocks", low=1, high=12)
    heads: int = setting(2, "questions that each place asks in a block", choices=(1, 2, 4, 8))
    window: int = setting(128, "codes that are looked back at", choices=(32, 64, 128, 256, 512))
    bits: int = setting(14, "2 to that many vectors of runs of codes; 0 for none", low=0, high=18)
    dropout: float = setting(0.0, "share of what each step adds that is silenced", low=0.0, high=0.4)
    batch: int = setting(2048, "codes a step", choices=(1024, 2048, 4096, 8192))
    rate: float = setting(0.02, "highest rate of Muon", low=0.003, high=0.06, log=True)
    effort: float = setting(1.0, "how long to train, times the usual", low=0.05, high=4.0, log=True)

    def cost(self, job: Shape, on: Machine) -> Cost:
        n, levels = job.rows * max(1, job.width), sum(job.levels) or 100
        plan = self.schedule(n)
        matrices = 12 * self.blocks * self.width**2
        products = 6.0 * (matrices + self.width * (levels + 2 * self.blocks * self.window))
        weights = matrices + levels * self.width + (RUNS << (self.bits + 1) if self.bits else 0)
        visits = plan.epochs * n
        seconds = visits * products / (on.gflops * 1e9) + visits / self.batch * (8e-3 + 60.0 * weights / on.bandwidth)
        scores = 12.0 * self.batch * (levels + 40 * self.width * self.blocks)
        return Cost(1.0 + seconds, 2.5e8 + 16.0 * n + 24.0 * weights + scores)

    def schedule(self, codes: int) -> Schedule:
        """Twelve million codes are read in all, a small corpus over and over; time usually ends it before."""
        epochs = math.ceil(self.effort * min(max(1.0, 12e6 / codes), 100.0))
        rows = max(1, self.batch // self.window)
        return Schedule(epochs, rows, 0.2 * self.rate, 0.0, warm=0.05, watches=12, patience=4, muon=self.rate)

    def design(self) -> dict[str, Any]:
        """The settings of the network itself."""
        heads = min(self.heads, max(1, self.width // 32))
        about = {"width": self.width, "blocks": self.blocks, "heads": heads}
        return about | {"dropout": self.dropout, "bits": self.bits}
