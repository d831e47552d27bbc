"""Images a second of training in PyTorch and in edgefit-train, on the same networks, batch and threads, in turns.

Usage: python pytorch_throughput.py THROUGHPUT_BINARY [--parallel] [NAME...]

THROUGHPUT_BINARY is what `cargo bench -p edgefit-train --bench throughput --no-run` names. Both run on one thread,
edgefit where it sees one processor; with --parallel both run one training on two threads, and two of one thread each side
by side, which are two processes of PyTorch. Needs Linux and PyTorch: pip install torch.
For each network the best of three rounds is kept; PyTorch gets the better of its two memory formats.
"""

import multiprocessing
import os
import subprocess
import sys
import time

import torch
from torch import nn

ROUNDS = 3
SECONDS = 1.0


def conv(ins, outs, kernel, stride=1, groups=1, activation=nn.ReLU):
    layers = [nn.Conv2d(ins, outs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outs)]
    return nn.Sequential(*layers, *([activation(inplace=True)] if activation else []))


class Excite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels // 4, 1), nn.ReLU(inplace=True),
            nn.Conv2d(channels // 4, channels, 1), nn.Hardsigmoid())

    def forward(self, x):
        return x * self.gate(x)


class MbConv(nn.Module):
    def __init__(self, ins, outs, kernel, stride, expansion, activation=nn.ReLU, excite=False):
        super().__init__()
        wide = ins * expansion
        layers = [conv(ins, wide, 1, activation=activation),
                  conv(wide, wide, kernel, stride, wide, activation=activation)]
        layers += [Excite(wide)] if excite else []
        self.body = nn.Sequential(*layers, conv(wide, outs, 1, activation=None))
        self.residual = stride == 1 and ins == outs

    def forward(self, x):
        return self.body(x) + x if self.residual else self.body(x)


class Basic(nn.Module):
    def __init__(self, ins, outs, stride):
        super().__init__()
        self.body = nn.Sequential(conv(ins, outs, 3, stride), conv(outs, outs, 3, activation=None))
        plain = stride == 1 and ins == outs
        self.skip = nn.Identity() if plain else conv(ins, outs, 1, stride, activation=None)

    def forward(self, x):
        return torch.relu(self.body(x) + self.skip(x))


def head(channels):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]


def network(name):
    """The network, the side and channels of its images, and the batch."""
    if name == "mbconv-8x8x1":
        blocks = [MbConv(16, 16, 3, 1, 3), MbConv(16, 24, 3, 2, 3), MbConv(24, 24, 3, 1, 3)]
        return nn.Sequential(conv(1, 16, 3), *blocks, *head(24)), 8, 1, 32
    if name == "chain-8x8x1":
        return nn.Sequential(conv(1, 16, 3), conv(16, 32, 3, 2), conv(32, 32, 3), *head(32)), 8, 1, 32
    if name == "chain-28x28x1":
        layers = [conv(1, 16, 3), nn.MaxPool2d(2), conv(16, 32, 3), nn.MaxPool2d(2), conv(32, 64, 3)]
        return nn.Sequential(*layers, *head(64)), 28, 1, 64
    if name == "mbconv-32x32x3":
        blocks = [MbConv(16, 16, 3, 1, 3) for _ in range(5)]
        return nn.Sequential(conv(3, 16, 3), *blocks, *head(16)), 32, 3, 64
    if name == "mbconv-se-32x32x3":
        blocks, ins = [], 16
        for outs, stride in [(24, 2), (24, 1), (40, 2), (40, 1), (64, 2)]:
            blocks.append(MbConv(ins, outs, 5, stride, 4, nn.Hardswish, True))
            ins = outs
        return nn.Sequential(conv(3, 16, 3, activation=nn.Hardswish), *blocks, *head(64)), 32, 3, 64
    if name == "resnet8-32x32x3":
        blocks = [Basic(16, 16, 1), Basic(16, 32, 2), Basic(32, 64, 2)]
        return nn.Sequential(conv(3, 16, 3), *blocks, *head(64)), 32, 3, 64
    raise SystemExit(f"unknown network {name}")


NAMES = ["mbconv-8x8x1", "chain-8x8x1", "chain-28x28x1", "mbconv-32x32x3", "mbconv-se-32x32x3", "resnet8-32x32x3"]


def torch_rate(name, memory_format, threads=1):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model, size, channels, batch = network(name)
    model = model.to(memory_format=memory_format).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
    loss = nn.CrossEntropyLoss(label_smoothing=0.05)
    x = torch.randn(batch, channels, size, size).to(memory_format=memory_format)
    y = torch.arange(batch) % 10
    steps, start = 0, time.perf_counter()
    while True:
        optimizer.zero_grad(set_to_none=True)
        loss(model(x), y).backward()
        optimizer.step()
        steps += 1
        if steps == 3:
            start = time.perf_counter()
        elapsed = time.perf_counter() - start
        if steps > 4 and elapsed > SECONDS:
            return (steps - 3) * batch / elapsed


def best_format(name, threads=1):
    return max(torch_rate(name, f, threads) for f in (torch.contiguous_format, torch.channels_last))


def two_processes(name):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return sum(pool.map(best_format, [name, name]))


def edgefit_rates(binary, name, processors, *flags):
    """Images a second with kernels and, unless told otherwise, with burn's own operations."""
    see = lambda: os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:processors])
    command = [binary, name, "--seconds", str(SECONDS), *flags]
    words = subprocess.run(command, check=True, capture_output=True, text=True, preexec_fn=see).stdout.split()
    return float(words[2]), float(words[4])


def one_thread(binary, name):
    return [*edgefit_rates(binary, name, 1), best_format(name)]


def two_threads(binary, name):
    alone, _ = edgefit_rates(binary, name, 2, "--kernels-only")
    pair, _ = edgefit_rates(binary, name, 2, "--kernels-only", "--parallel")
    return [alone, best_format(name, 2), pair, two_processes(name)]


def main():
    words = sys.argv[1:]
    parallel = "--parallel" in words
    words = [w for w in words if w != "--parallel"]
    if not words:
        raise SystemExit(__doc__)
    binary, names = words[0], words[1:] or NAMES
    print(f"PyTorch {torch.__version__}; images per second, best of {ROUNDS} rounds in turns")
    measure, rival = (two_threads, 1) if parallel else (one_thread, 2)
    columns = ["edgefit", "torch", "edgefit x2", "torch x2"] if parallel else ["edgefit", "burn", "torch"]
    print("network", *columns, "edgefit/torch", sep="\t")
    for name in names:
        best = [max(rates) for rates in zip(*(measure(binary, name) for _ in range(ROUNDS)))]
        print(name, *(f"{rate:.0f}" for rate in best), f"{best[0] / best[rival]:.2f}", sep="\t", flush=True)


if __name__ == "__main__":
    main()
