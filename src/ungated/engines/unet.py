"""A small U-Net: pictures in, as many numbers out, told by how far along they are and of which class they are.

It looks at a picture twice, at full and at half size. On the way down each size hands what it found to the way up, so
that fine detail need not pass through the small map, where every place sees every other (attention). Pictures wider
than 16 pixels are first folded: each square of pixels becomes one place with as many more channels, which costs a
fraction of the work. What it is told (time, class) scales and shifts the channels of every block.

It knows neither noise nor flows: whoever trains it says what its answer means.
Papers: Ronneberger, Fischer & Brox, "U-Net", 2015; told by scale and shift: Perez et al., "FiLM", 2018.
"""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

WIDEST = 16  # places along a side of the map, at full size, once pictures are folded
TOGETHER = 16  # channels that are normalised together, as many as a processor takes at once
WAVES = 32  # of different lengths by which the time is told


def folding(size: list[int] | tuple[int, ...]) -> int:
    """Pixels along a side of the square that becomes one place, for pictures (channels, height, width)."""
    return max(1, math.ceil(max(size[1:]) / WIDEST))


def padded(size: list[int] | tuple[int, ...]) -> tuple[int, int]:
    """Height and width to which pictures are padded so that they can be folded and halved."""
    whole = 2 * folding(size)
    height, width = (max(2 * whole, math.ceil(side / whole) * whole) for side in size[1:])
    return height, width


def unet(size: list[int], classes: int, width: int, blocks: int) -> Any:
    """The untrained network: (x (n, c, h, w) float32, time (n,) in 0 to 1, label (n,) int64) to (n, c, h, w).

    size: (c, h, w) of one picture, h and w as `padded` gives them. classes: labels 0 to classes - 1; `classes` itself
    is "none said". width: channels at full size; half size has twice as many. blocks: at each size, each way.

    A function, because its classes need torch, which is imported only when a network is trained or asked.
    """
    import torch
    from torch import nn
    from torch.nn import functional

    told = 4 * width
    fold = folding(size)

    def normal(channels: int, affine: bool = True) -> nn.Module:
        return nn.GroupNorm(max(1, channels // TOGETHER), channels, affine=affine)

    class Block(nn.Module):
        """h + f(h, told): two filters of 3 by 3, each after normalising and bending."""

        def __init__(self, before: int, after: int) -> None:
            super().__init__()
            self.normal, self.again = normal(before), normal(after, affine=False)
            self.first, self.second = nn.Conv2d(before, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)
            self.heed = nn.Linear(told, 2 * after)
            self.past = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
            nn.init.zeros_(self.second.weight)
            nn.init.zeros_(self.heed.weight)

        def forward(self, h: "Tensor", about: "Tensor") -> "Tensor":
            found = self.first(functional.silu(self.normal(h)))
            scale, shift = self.heed(about)[:, :, None, None].chunk(2, dim=1)
            found = torch.addcmul(shift, self.again(found), 1 + scale)
            return self.past(h) + self.second(functional.silu(found))

    class Attention(nn.Module):
        """Every place of the map asks every other (Vaswani et al. 2017)."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.normal = normal(width)
            self.asks, self.tells = nn.Conv2d(width, 3 * width, 1), nn.Conv2d(width, width, 1)
            self.heads = max(1, width // 32)
            nn.init.zeros_(self.tells.weight)

        def forward(self, h: "Tensor") -> "Tensor":
            n, width, height, across = h.shape
            parts = self.asks(self.normal(h)).reshape(n, 3, self.heads, width // self.heads, height * across)
            asked, known, told = parts.transpose(-1, -2).unbind(1)
            said = ((asked * asked.shape[-1] ** -0.5) @ known.mT).softmax(dim=-1) @ told
            return h + self.tells(said.transpose(-1, -2).reshape(n, width, height, across))

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            inner = size[0] * fold * fold
            self.time = nn.Sequential(nn.Linear(2 * WAVES, told), nn.SiLU(), nn.Linear(told, told))
            self.label = nn.Embedding(classes + 1, told)
            self.stem = nn.Conv2d(inner, width, 3, padding=1)
            self.down = nn.ModuleList(Block(width, width) for _ in range(blocks))
            self.halve = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
            self.low = nn.ModuleList(Block(2 * width, 2 * width) for _ in range(blocks))
            self.mix = Attention(2 * width)
            self.rise = nn.Conv2d(2 * width, width, 1)
            self.up = nn.ModuleList(Block(2 * width, width) for _ in range(blocks))
            self.normal = normal(width)
            self.head = nn.Conv2d(width, inner, 3, padding=1)
            nn.init.zeros_(self.head.weight)
            self.register_buffer("waves", torch.exp(torch.linspace(0, math.log(200), WAVES)), persistent=False)

        def forward(self, x: "Tensor", time: "Tensor", label: "Tensor") -> "Tensor":
            turns = time[:, None] * torch.as_tensor(self.waves)
            about = functional.silu(self.time(torch.cat([turns.sin(), turns.cos()], dim=1)) + self.label(label))
            h = self.stem(laid(functional.pixel_unshuffle(x, fold)))
            kept = []
            for block in self.down:
                h = block(h, about)
                kept.append(h)
            h = self.halve(h)
            for i, block in enumerate(self.low):
                h = block(h, about)
                if i == 0:
                    h = self.mix(h)
            h = functional.interpolate(self.rise(h), scale_factor=2, mode="nearest")
            for block in self.up:
                h = block(torch.cat([h, kept.pop()], dim=1), about)
            return functional.pixel_shuffle(self.head(functional.silu(self.normal(h))), fold)

    def laid(x: "Tensor") -> "Tensor":
        return x.contiguous(memory_format=torch.channels_last)

    return Network().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
