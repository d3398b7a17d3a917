# Makes the traces beside it: `pip install river==0.26.1`, then `python traces.py` here. What the README lists under "made by
# traces.py"; predict, then learn, 12 digits.

import csv, math, numpy
from river import anomaly, drift, facto, linear_model as lm, naive_bayes as nb, optim, preprocessing as pp, tree

g = lambda v: '%.12g' % v
NAMES, *ROWS = list(csv.reader(open('../../../examples/phishing/phishing.csv')))
NAMES = NAMES[:-1]


def numbers():
    for row in ROWS:
        yield dict(zip(NAMES, map(float, row))), float(row[-1])


def classes():
    """The age of the domain joins the label: four classes over eight features; the first 700 rows."""
    age = NAMES.index('age_of_domain')
    for row in ROWS[:700]:
        x = {n: float(v) for n, v in zip(NAMES, row) if n != 'age_of_domain'}
        yield x, ('phishing' if row[-1] == '1' else 'honest') + (' old' if float(row[age]) > 0.5 else ' new')


def mulberry32(seed):
    """The generator of test/model/seeded.ts."""
    state = seed
    imul = lambda a, b: (a * b) & 0xffffffff
    while True:
        state = (state + 0x6d2b79f5) & 0xffffffff
        t = imul(state ^ (state >> 15), 1 | state)
        t = ((t + imul(t ^ (t >> 7), 61 | t)) & 0xffffffff) ^ t
        yield (t ^ (t >> 14)) / 4294967296


def stream():
    """Three numbers below 10; true where the first two sum to no more than a limit that moves every 2,000 rows. No noise before
    row 4,000, so leaves are pure; then one label in ten is turned."""
    random = mulberry32(4)
    for i in range(8000):
        x = {name: next(random) * 10 for name in 'abc'}
        y = x['a'] + x['b'] <= [8, 9, 7, 9.5][i // 2000]
        yield x, y != (i >= 4000 and next(random) < 0.1)


def tree_of_stream(name, model):
    with open(name + '.csv', 'w') as out:
        out.write('i,p_true\n')
        for i, (x, y) in enumerate(stream()):
            if i % 2 == 0:
                out.write(f'{i},{g(model.predict_proba_one(x).get(True, 0))}\n')
            model.learn_one(x, y)


def vectors(seed, factors):
    """What a factorization machine here starts with (src/model/kinds/factor-score.ts): one call a dimension, in their order."""
    imul = lambda a, b: (a * b) & 0xffffffff
    dimension = 0

    def start(shape=1):
        nonlocal dimension
        dimension += 1
        h = imul(dimension, 0x9e3779b1) ^ seed
        h = imul(h ^ (h >> 16), 0x85ebca6b)
        h = imul(h ^ (h >> 13), 0xc2b2ae35)
        random = mulberry32(h ^ (h >> 16))
        return numpy.array([.1 * math.sqrt(-2 * math.log(1 - next(random))) * math.cos(2 * math.pi * next(random)) for _ in range(shape)])

    return start


def gaussian(name):
    """A number with ten times as much spread in one row of a hundred; score, then learn."""
    random, model = mulberry32(6), anomaly.GaussianScorer()
    with open(name + '.csv', 'w') as out:
        out.write('i,y,x,score\n')
        for i in range(1500):
            spread = 10 if next(random) < .01 else 1
            x = round(20 + spread * (next(random) + next(random) + next(random) - 1.5), 6)
            out.write(f'{i},,{g(x)},{g(model.score_one(None, x))}\n')
            model.learn_one(None, x)


class Draws:
    """What HalfSpaceTrees draws from, in the order in which ours does; its seed comes from a first number, as there."""
    def __init__(self, seed):
        self.random = mulberry32(int(next(mulberry32(seed)) * 2 ** 32))

    def choices(self, population, weights):
        pick = next(self.random) * sum(weights)
        for one, weight in zip(population, weights):
            if pick < weight:
                return [one]
            pick -= weight
        return [one]

    def uniform(self, a, b):
        return a + next(self.random) * (b - a)


def half_space(name, seed):
    """Features are sorted by River: a number before their names keeps them in the file's order."""
    trees = anomaly.HalfSpaceTrees()
    trees.rng = Draws(seed)
    model = pp.MinMaxScaler() | trees
    with open(name + '.csv', 'w') as out:
        out.write('i,y,score\n')
        for i, (x, y) in enumerate(numbers()):
            x = {f'{j} {n}': v for j, (n, v) in enumerate(x.items())}
            out.write(f'{i},{g(y)},{g(model.score_one(x))}\n')
            model.learn_one(x)


def alarms(delta):
    """Of ADWIN on 12,000 bits of which one in ten, then one in four, then one in ten is set."""
    random, detector = mulberry32(9), drift.ADWIN(delta)
    for i in range(12000):
        detector.update(int(next(random) < (.25 if 4000 <= i < 8000 else .1)))
        if detector.drift_detected:
            yield i


def probabilities(name, model):
    with open(name + '.csv', 'w') as out:
        out.write('i,y,p_true\n')
        for i, (x, y) in enumerate(numbers()):
            out.write(f'{i},{int(y)},{g(model.predict_proba_one(x)[True])}\n')
            model.learn_one(x, bool(y))


def regression(name, model):
    with open(name + '.csv', 'w') as out:
        out.write('i,y,pred\n')
        for i, (x, y) in enumerate(numbers()):
            out.write(f'{i},{g(y)},{g(model.predict_one(x))}\n')
            model.learn_one(x, y)


def multiclass(name, model):
    names = ['honest new', 'honest old', 'phishing new', 'phishing old']
    with open(name + '.csv', 'w') as out:
        out.write('i,y,' + ','.join(names) + '\n')
        for i, (x, y) in enumerate(classes()):
            p = model.predict_proba_one(x)
            out.write(f'{i},{y},' + ','.join(g(p[c]) if c in p else '' for c in names) + '\n')
            model.learn_one(x, y)


regression('linreg_phishing', pp.StandardScaler() | lm.LinearRegression())
regression('linreg_l2_phishing', pp.StandardScaler() | lm.LinearRegression(optimizer=optim.AdaGrad(.1), l2=.001, intercept_lr=.1))
multiclass('softmax_phishing', pp.StandardScaler() | lm.SoftmaxRegression())
multiclass('softmax_adam_phishing', pp.StandardScaler() | lm.SoftmaxRegression(optimizer=optim.Adam(.01)))
multiclass('gnb_classes_phishing', nb.GaussianNB())
multiclass('ht_classes_phishing', tree.HoeffdingTreeClassifier(grace_period=50, delta=1e-3))
fm = dict(n_factors=4, latent_initializer=vectors(1, 4))
probabilities('fm_phishing', pp.StandardScaler() | facto.FMClassifier(**fm))
fm = dict(n_factors=4, latent_initializer=vectors(1, 4), l2_weight=.01, l2_latent=.02, intercept_lr=.02)
regression('fmreg_phishing', pp.StandardScaler() | facto.FMRegressor(**fm))
tree_of_stream('ht_stream', tree.HoeffdingTreeClassifier(grace_period=100, delta=1e-5))
gaussian('gaussian_scorer')
half_space('half_space_phishing', 7)
print('ADWIN', [(delta, list(alarms(delta))) for delta in (.002, .01, .3)])
