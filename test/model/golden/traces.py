# Makes the traces beside it: `pip install river==0.26.1`, then `python traces.py` here. What the README lists under "made by
# traces.py"; predict, then learn, 12 digits.

import csv
from river import linear_model as lm, naive_bayes as nb, optim, preprocessing as pp, tree

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
