"""Measures the peers of `npm run bench -- peers`, prequentially: one JSON command a line in, one JSON answer a line out.

  {"peer": "river", "model": NAME, "file": CSV, "target": COLUMN, "task": TASK, "seed": n}
  {"peer": "vw", "model": ARGUMENTS, …}   {"peer": "moa", "model": NAME, …}
    -> {"accuracy": a, "pr_auc": p} or {"mae": e}, {"rows_per_second": r, "version": v}; {"missing": why} where it is not installed

A row is scored, then learned. Nothing said counts as false with a probability of 0.5."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import csv
import json
import sys
import time


def load(file, target):
    with open(file) as lines:
        rows = csv.reader(lines)
        header = next(rows)
        at = header.index(target)
        names = [name for i, name in enumerate(header) if i != at]
        return names, [([float(v) for i, v in enumerate(row) if i != at], float(row[at])) for row in rows]


def pr_auc(scores, truths):
    """Average precision, equal scores together."""
    pairs = sorted(zip(scores, truths), reverse=True)
    positives = sum(truths)
    found, seen, area, i = 0, 0, 0.0, 0
    while i < len(pairs):
        end, group = i, 0
        while end < len(pairs) and pairs[end][0] == pairs[i][0]:
            group += pairs[end][1]
            end += 1
        found, seen, i = found + group, end, end
        area += group * found / seen
    return area / positives if positives else None


def quality(task, said, truths):
    if task == "regression":
        return {"mae": sum(abs(s - t) for s, t in zip(said, truths)) / len(truths)}
    right = sum((s > 0.5) == (t == 1) for s, t in zip(said, truths))
    return {"accuracy": right / len(truths), "pr_auc": pr_auc(said, truths)}


def river(model, names, rows, task, seed):
    import river
    from models import MODELS

    one = MODELS[model](seed)
    said = []
    dicts = [dict(zip(names, x)) for x, _ in rows]
    started = time.process_time()
    for x, (_, y) in zip(dicts, rows):
        if task == "regression":
            said.append(one.predict_one(x) or 0.0)
            one.learn_one(x, y)
        else:
            p = one.predict_proba_one(x)
            said.append(p.get(True, 0.0) if p else 0.5)
            one.learn_one(x, y == 1)
    return said, time.process_time() - started, river.__version__


def vw(model, names, rows, task, seed):
    import vowpalwabbit

    link = "" if task == "regression" else " --loss_function logistic --link logistic"
    space = vowpalwabbit.Workspace(f"--quiet --random_seed {seed}{link} {model}")
    lines = ["| " + " ".join(f"{n}:{v!r}" for n, v in zip(names, x)) for x, _ in rows]
    said = []
    started = time.process_time()
    for line, (_, y) in zip(lines, rows):
        said.append(space.predict(line))
        space.learn(f"{y if task == 'regression' else (1 if y == 1 else -1)} {line}")
    took = time.process_time() - started
    space.finish()
    return said, took, vowpalwabbit.__version__


def moa(model, names, rows, task, seed):
    import importlib.metadata

    import numpy
    from capymoa.classifier import AdaptiveRandomForestClassifier, HoeffdingAdaptiveTree, HoeffdingTree, NaiveBayes
    from capymoa.regressor import FIMTDD, AdaptiveRandomForestRegressor
    from capymoa.stream import NumpyStream

    kind = "numeric" if task == "regression" else "categorical"
    ys = numpy.array([y for _, y in rows])
    stream = NumpyStream(
        numpy.array([x for x, _ in rows]),
        ys if task == "regression" else ys.astype(int),
        feature_names=names,
        target_type=kind,
    )
    schema = stream.get_schema()
    one = {
        "hoeffding_tree": lambda: HoeffdingTree(schema, confidence=1e-7),
        "hoeffding_adaptive_tree": lambda: HoeffdingAdaptiveTree(schema, confidence=1e-7, random_seed=seed),
        "naive_bayes": lambda: NaiveBayes(schema),
        "adaptive_forest": lambda: AdaptiveRandomForestClassifier(schema, ensemble_size=10, random_seed=seed),
        "hoeffding_tree_regressor": lambda: FIMTDD(schema),
        "adaptive_forest_regressor": lambda: AdaptiveRandomForestRegressor(schema, ensemble_size=10, random_seed=seed),
    }[model]()
    said = []
    started = time.process_time()
    while stream.has_more_instances():
        row = stream.next_instance()
        if task == "regression":
            said.append(float(one.predict(row) or 0.0))
        else:
            p = one.predict_proba(row)
            said.append(float(p[1]) if p is not None and len(p) > 1 else 0.0 if p is not None and len(p) == 1 else 0.5)
        one.train(row)
    return said, time.process_time() - started, importlib.metadata.version("capymoa")


PEERS = {"river": river, "vw": vw, "moa": moa}

out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print is not an answer
for line in sys.stdin:
    command = json.loads(line)
    names, rows = load(command["file"], command["target"])
    try:
        said, took, version = PEERS[command["peer"]](command["model"], names, rows, command["task"], command["seed"])
        answer = quality(command["task"], said, [y for _, y in rows])
        answer.update(rows_per_second=len(rows) / took, version=version)
    except ImportError as error:
        answer = {"missing": str(error)}
    print(json.dumps(answer), file=out, flush=True)
