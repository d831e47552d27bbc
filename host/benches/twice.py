"""Whether a benchmark says the same when it is run again, an hour of other work later.

    python3 host/benches/twice.py EDGEFIT FOLDER MODEL.onnx...

Each start is a round: `edgefit bench` of every model in tract, and in ONNX Runtime where `edgefit runtime list` has it, with the reports
in a new folder below FOLDER. From the second start on, the last two rounds are compared: two reports agree when the 95 % intervals of
their medians overlap; of those that do not, a flag in either report counts as told. It needs nothing but Python.
"""

import json
import pathlib
import subprocess
import sys


def runtimes(edgefit):
    listed = subprocess.run([edgefit, "runtime", "list"], capture_output=True, text=True, check=True).stdout
    return ["tract"] + ["ort"] * any(line.startswith("ort ") for line in listed.splitlines())


def measure(edgefit, folder, models):
    folder.mkdir(parents=True)
    for model in models:
        for runtime in runtimes(edgefit):
            report = folder / f"{pathlib.Path(model).stem}-{runtime}.json"
            command = [edgefit, "--quiet", "bench", model, "--runtime", runtime, "--json", str(report)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def read(path):
    report = json.loads(path.read_text(encoding="utf-8"))
    latency, flags = report["latency_metrics"], report["validity"]["flags"]
    return latency["median_ms"], latency["median_ci95_ms"], [flag if isinstance(flag, str) else next(iter(flag)) for flag in flags]


def compare(before, after):
    agreed = told = count = 0
    for path in sorted(after.glob("*.json")):
        if not (before / path.name).exists():
            continue
        (first, (low, high), flags), (second, (low_again, high_again), flags_again) = read(before / path.name), read(path)
        overlap, flags, count = low <= high_again and low_again <= high, flags + flags_again, count + 1
        agreed, told = agreed + overlap, told + (not overlap and bool(flags))
        widths = f"intervals {100 * (high - low) / first:.1f} and {100 * (high_again - low_again) / second:.1f} % wide"
        verdict = "agree" if overlap else "DISAGREE"
        print(f"{path.stem:30} {first:9.4f} {second:9.4f} ms, ratio {second / first:.3f}, {widths}: {verdict} {' '.join(sorted(set(flags)))}")
    print(f"{agreed} of {count} agree; {told} of the {count - agreed} others were flagged")


def main():
    if len(sys.argv) < 4:
        sys.exit("usage: twice.py EDGEFIT FOLDER MODEL.onnx...")
    edgefit, folder, models = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    rounds = len(list(folder.glob("round-*")))
    measure(edgefit, folder / f"round-{rounds + 1}", models)
    if rounds:
        compare(folder / f"round-{rounds}", folder / f"round-{rounds + 1}")


if __name__ == "__main__":
    main()
