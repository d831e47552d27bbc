"""What a user stitches together today: the baseline beside edgefit's main job.

Optuna's NSGA-II proposes mobile inverted-bottleneck networks, ONNX Runtime measures each exported network on one
thread, PyTorch trains those within the latency bound for a few epochs, and the best is trained to the end, exported and
judged from its ONNX file. It knows one runtime and one objective pair, keeps nothing on disk and cannot resume.
"""

import time

STARTED = time.perf_counter()  # before the imports: a user waits for those too

import argparse
import gzip
import io
import json
import resource
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import optuna
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F

BATCH = 64
TRAINING_THREADS = 2
STAGES = 3
WARM_UP_RUNS, MEASURED_RUNS = 20, 100


# Data: float images [N, C, H, W], standardized, and integer labels [N].


def read_idx(path):
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    shape = np.frombuffer(raw, ">i4", count=raw[3], offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def load_idx(folder):
    parts = [map(read_idx, sorted(folder.glob(pattern))) for pattern in ("*images*idx3*", "*labels*idx1*")]
    images, labels = (np.concatenate(list(part)) for part in parts)
    return images[:, None], labels


def load_image_folder(folder):
    """Reads FOLDER/CLASS/IMAGE; images that are not as large as the first are resized to it."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    files = [(path, label) for label, name in enumerate(classes) for path in sorted(name.iterdir())]
    size = Image.open(files[0][0]).size
    images = [np.asarray(Image.open(path).convert("RGB").resize(size)) for path, _ in files]
    return np.stack(images).transpose(0, 3, 1, 2), np.array([label for _, label in files])


def load_bundled_digits(_):
    digits = load_digits()
    return digits.images[:, None], digits.target


LOADERS = {"digits": load_bundled_digits, "idx": load_idx, "image-folder": load_image_folder}


def load(data, seed):
    """Returns the parts train (60 %), validation (20 %) and test (20 %), standardized by the first."""
    name, _, path = data.partition(":")
    images, labels = LOADERS[name](Path(path))
    images, labels = images.astype(np.float32), labels.astype(np.int64)
    rest, test = train_test_split(np.arange(len(labels)), test_size=0.2, random_state=seed, stratify=labels)
    train, validation = train_test_split(rest, test_size=0.25, random_state=seed, stratify=labels[rest])
    axes = (0, 2, 3)
    mean, deviation = (f(images[train], axis=axes, keepdims=True) for f in (np.mean, np.std))
    images = (images - mean) / deviation
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    return [(images[part], labels[part]) for part in (train, validation, test)]


# Space: stem, two or three stages of inverted residual blocks, an optional wide last convolution, classifier.


def propose(trial):
    """Asks for every gene in every trial, so that crossover sees one fixed space, and drops the silent ones."""
    choose = trial.suggest_categorical
    stages = [
        {
            "width": choose(f"width{i}", [8, 12, 16, 24, 32, 48, 64]),
            "depth": choose(f"depth{i}", [1, 2, 3]),
            "kernel": choose(f"kernel{i}", [3, 5]),
            "expansion": choose(f"expansion{i}", [1, 2, 3, 4, 6]),
            "stride": choose(f"stride{i}", [1, 2]),
            "excite": choose(f"excite{i}", [False, True]),
        }
        for i in range(STAGES)
    ]
    stem = {"width": choose("stem", [8, 16, 24, 32]), "stride": choose("stem_stride", [1, 2])}
    count, head = choose("stages", [2, 3]), choose("head", [0, 64, 128])
    return {"stem": stem, "stages": stages[:count], "head": head}


def convolution(inputs, outputs, kernel=1, stride=1, groups=1, activate=True):
    linear = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(linear, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True) if activate else nn.Identity())


class Excite(nn.Module):
    def __init__(self, width):
        super().__init__()
        squeeze, excite = nn.Conv2d(width, max(width // 4, 4), 1), nn.Conv2d(max(width // 4, 4), width, 1)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), squeeze, nn.ReLU(), excite, nn.Hardsigmoid())

    def forward(self, x):
        return x * self.gate(x)


class Block(nn.Module):
    def __init__(self, inputs, stage, stride):
        super().__init__()
        inner, outputs = inputs * stage["expansion"], stage["width"]
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            convolution(inputs, inner) if stage["expansion"] > 1 else nn.Identity(),
            convolution(inner, inner, stage["kernel"], stride, groups=inner),
            Excite(inner) if stage["excite"] else nn.Identity(),
            convolution(inner, outputs, activate=False),
        )

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


def decode(genotype, channels, classes):
    width = genotype["stem"]["width"]
    layers = [convolution(channels, width, 3, genotype["stem"]["stride"])]
    for stage in genotype["stages"]:
        for position in range(stage["depth"]):
            layers.append(Block(width, stage, stage["stride"] if position == 0 else 1))
            width = stage["width"]
    if genotype["head"]:
        layers.append(convolution(width, genotype["head"]))
        width = genotype["head"]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


# Device: the exported network in ONNX Runtime on one thread.


def export(model, shape):
    buffer = io.BytesIO()
    names = {"input_names": ["image"], "output_names": ["scores"]}
    torch.onnx.export(model.eval(), torch.zeros(1, *shape), buffer, dynamo=False, **names)  # the quicker exporter
    onnx.checker.check_model(onnx.load_from_string(buffer.getvalue()))
    return buffer.getvalue()


def open_session(model_bytes):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model_bytes, options, providers=["CPUExecutionProvider"])


def measure_ms(model_bytes, shape):
    """Median latency of one image."""
    session, feed = open_session(model_bytes), {"image": np.zeros((1, *shape), np.float32)}
    samples = []
    for _ in range(WARM_UP_RUNS + MEASURED_RUNS):
        start = time.perf_counter_ns()
        session.run(None, feed)
        samples.append(time.perf_counter_ns() - start)
    return float(np.median(samples[WARM_UP_RUNS:])) / 1e6


def exported_accuracy(model_bytes, images, labels):
    session = open_session(model_bytes)
    scores = [session.run(None, {"image": image[None]})[0][0] for image in images.numpy()]
    return float(np.mean(np.argmax(scores, axis=1) == labels.numpy()))


# Training: AdamW, one cycle, label smoothing, small shifts, and the weights of the best epoch on validation.


def augmented(images, flip):
    """Each image moved by up to a sixteenth of its width (8x8 digits stay), half of them mirrored where flip is set."""
    count, _, height, width = images.shape
    reach = width // 16
    padded = F.pad(images, [reach] * 4, mode="replicate")
    rows, columns = (torch.randint(2 * reach + 1, (count, 1)) + torch.arange(n) for n in (height, width))
    mirrored = (torch.rand(count, 1) < 0.5) & flip
    columns = torch.where(mirrored, columns.flip(1), columns)
    moved = padded[torch.arange(count)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)  # indexing gave channels last, the faster layout for convolutions on a CPU


@torch.inference_mode()
def accuracy(model, images, labels):
    model.eval()
    hits = [(model(x).argmax(1) == y).sum() for x, y in zip(images.split(256), labels.split(256))]
    return float(sum(hits)) / len(labels)


def train(model, training, validation, epochs, flip):
    """Trains in place and returns the accuracy on validation."""
    images, labels = training
    model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    steps = max(len(labels) // BATCH, 1)  # of an epoch; what is left over, another in each epoch, is dropped
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, epochs=epochs, steps_per_epoch=steps)
    best, weights = -1.0, None
    for _ in range(epochs):
        model.train()
        for batch in torch.randperm(len(labels))[: steps * BATCH].split(BATCH):
            scores = model(augmented(images[batch], flip))
            loss = F.cross_entropy(scores, labels[batch], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        score = accuracy(model, *validation)
        if score >= best:
            best, weights = score, {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(weights)
    return best


# The search: latency first, so that a network over the bound is never trained; a repeated proposal costs nothing.


class Search:
    def __init__(self, arguments):
        self.arguments = arguments
        self.training, self.validation, self.test = load(arguments.data, arguments.seed)
        self.shape, self.classes = self.training[0].shape[1:], len(self.training[1].unique())
        self.mirror = arguments.data.startswith("image-folder")  # a mirrored digit is no digit
        self.seen = {}  # genotype as JSON -> (accuracy, 0 where not trained; latency)

    def build(self, genotype):
        """Returns the untrained network and its measured latency."""
        model = decode(genotype, self.shape[0], self.classes)
        return model, measure_ms(export(model, self.shape), self.shape)

    def fit(self, model, epochs):
        return train(model, self.training, self.validation, epochs, self.mirror)

    def assess(self, genotype):
        model, latency = self.build(genotype)
        fits = latency <= self.arguments.max_latency_ms
        return (self.fit(model, self.arguments.epochs) if fits else 0.0), latency

    def objective(self, trial):
        genotype = propose(trial)
        key = json.dumps(genotype)
        if key not in self.seen:
            self.seen[key] = self.assess(genotype)
        score, latency = self.seen[key]
        trial.set_constraint("latency_ms", latency - self.arguments.max_latency_ms)
        print(f"{trial.number + 1:3} accuracy {score:.4f}, {latency:.4f} ms", file=sys.stderr)
        return score, latency

    def explore(self):
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        population = max(self.arguments.proposals // 4, 4)  # the default of 50 would make this a random search
        sampler = optuna.samplers.NSGAIISampler(population_size=population, seed=self.arguments.seed)
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        study.optimize(self.objective, n_trials=self.arguments.proposals)

    def winner(self):
        """Returns the most accurate genotype that meets the bound when measured again, and its untrained network."""
        ranked = sorted(((score, key) for key, (score, _) in self.seen.items() if score > 0), reverse=True)
        for _, key in ranked:
            model, latency = self.build(json.loads(key))
            if latency <= self.arguments.max_latency_ms:
                return json.loads(key), model
        sys.exit(f"no proposal was within {self.arguments.max_latency_ms} ms: raise --max-latency-ms or --proposals")


def run(arguments):
    warnings.simplefilter("ignore", DeprecationWarning)  # the quicker exporter announces the other one
    torch.set_num_threads(TRAINING_THREADS)
    torch.manual_seed(arguments.seed)
    search = Search(arguments)
    search.explore()
    genotype, model = search.winner()
    search.fit(model, arguments.final_epochs)
    exported = export(model, search.shape)
    latency = measure_ms(exported, search.shape)
    return {
        "test_accuracy": exported_accuracy(exported, *search.test),
        "latency_ms_p50": latency,
        "within_bound": latency <= arguments.max_latency_ms,
        "seconds": time.perf_counter() - STARTED,
        "peak_rss_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "proposals": arguments.proposals,
        "distinct": len(search.seen),
        "trained": sum(score > 0 for score, _ in search.seen.values()),
        "model_bytes": len(exported),
        "genotype": genotype,
        "settings": vars(arguments),
        "versions": {m.__name__: str(m.__version__) for m in (torch, optuna, onnx, onnxruntime)},
    }


def data_set(text):
    name, _, path = text.partition(":")
    if name not in LOADERS or (name != "digits" and not Path(path).is_dir()):
        raise argparse.ArgumentTypeError(f"{text!r} is none of digits, idx:FOLDER, image-folder:FOLDER")
    return text


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=data_set, default="digits", help="digits, idx:FOLDER or image-folder:FOLDER")
    parser.add_argument("--max-latency-ms", type=float, default=0.1)
    parser.add_argument("--proposals", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=3, help="epochs for each proposal within the bound")
    parser.add_argument("--final-epochs", type=int, default=30, help="epochs for the best of them")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--runtime", choices=["ort"], default="ort")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a sentence")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    result = run(options)
    line = "accuracy {test_accuracy:.4f}, {latency_ms_p50:.4f} ms, {trained} of {proposals} trained, {seconds:.1f} s"
    print(json.dumps(result, indent=2) if options.json else line.format(**result))
