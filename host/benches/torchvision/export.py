"""Exports torchvision's classifiers with random weights as ONNX files, to try a latency table on networks outside of any space.

    python export.py FOLDER [--sizes 64 96 128 160 192 224] [--models mobilenet_v2 ...]

Needs torch, torchvision and onnx, in the versions of requirements.txt or near them. Nothing is downloaded.
"""

import argparse
import pathlib
import warnings

import torch
import torchvision

MODELS = ["mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "squeezenet1_1", "resnet18", "efficientnet_b0", "shufflenet_v2_x1_0"]
SIZES = [64, 96, 128, 160, 192, 224]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--models", nargs="+", default=MODELS)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    for name in arguments.models:
        torch.manual_seed(0)
        model = torchvision.models.get_model(name, weights=None).eval()
        for size in arguments.sizes:
            path = arguments.folder / f"{name}-{size}.onnx"
            image = torch.zeros(1, 3, size, size)
            torch.onnx.export(model, (image,), str(path), input_names=["image"], output_names=["logits"], opset_version=17, dynamo=False)
            print(path)


if __name__ == "__main__":
    main()
