"""Measures River's models for `npm run bench -- learners`: one JSON command a line in, one JSON answer a line out.

  {"do": "open", "model": NAME, "file": CSV, "target": COLUMN, "task": TASK} -> {"rows": n, "version": RIVER'S}
  {"do": "learn", "events": n}    a new model over the first n rows, predict then learn -> {"us": CPU µs an event}
  {"do": "predict", "events": n}  the model of the last "learn" over its last rows      -> {"us": CPU µs an event}
  {"do": "size"}                                                                        -> {"bytes": length of its pickle}

Rows are dictionaries, made beforehand. Processor time, so that a busy machine counts little."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import csv
import gc
import json
import pickle
import sys
import time

import river
from models import MODELS

CASTS = {"binary": lambda text: float(text) == 1, "regression": float, "multiclass": lambda text: "class " + text, "anomaly": float}


def load(file, target, task):
    with open(file) as lines:
        rows = csv.reader(lines)
        header = next(rows)
        at = header.index(target)
        names = [(i, name) for i, name in enumerate(header) if i != at]
        return [({name: float(row[i]) for i, name in names}, CASTS[task](row[at])) for row in rows]


class Bench:
    def open(self, model, file, target, task):
        self.make = MODELS[model]
        self.task = task
        self.rows = load(file, target, task)
        return {"rows": len(self.rows), "version": river.__version__}

    def learn(self, events):
        self.model = self.make(1)
        predict, learn = self.predictor(), self.learner()
        rows = self.rows[:events]
        gc.collect()
        started = time.process_time()
        for x, y in rows:
            predict(x)
            learn(x, y)
        return {"us": (time.process_time() - started) / len(rows) * 1e6}

    def predict(self, events):
        predict = self.predictor()
        rows = [x for x, _ in self.rows[:events][-2000:]]
        gc.collect()
        started = time.process_time()
        for x in rows:
            predict(x)
        return {"us": (time.process_time() - started) / len(rows) * 1e6}

    def size(self):
        return {"bytes": len(pickle.dumps(self.model))}

    def predictor(self):
        if self.task == "anomaly":
            return self.model.score_one
        return self.model.predict_one if self.task == "regression" else self.model.predict_proba_one

    def learner(self):
        learn = self.model.learn_one
        return (lambda x, y: learn(x)) if self.task == "anomaly" else learn


bench = Bench()
for line in sys.stdin:
    command = json.loads(line)
    print(json.dumps(getattr(bench, command.pop("do"))(**command)), flush=True)
