# Makes what the README lists under "made by forecast_traces.py": `pip install river==0.26.1`, then `python forecast_traces.py` here.
# A generated monthly series, and what River forecasts of it 1 to 12 steps ahead before it learns each value; 12 digits.

import math
from river import linear_model, optim, preprocessing, time_series

HORIZON = 12


def mulberry32(seed):
    """The generator of test/model/seeded.ts."""
    state = seed
    imul = lambda a, b: (a * b) & 0xffffffff
    while True:
        state = (state + 0x6d2b79f5) & 0xffffffff
        t = imul(state ^ (state >> 15), 1 | state)
        t = ((t + imul(t ^ (t >> 7), 61 | t)) & 0xffffffff) ^ t
        yield (t ^ (t >> 14)) / 4294967296


random = mulberry32(12)
noise = lambda: math.sqrt(-2 * math.log(1 - next(random))) * math.cos(2 * math.pi * next(random))
# It grows by 1 % a month, has a yearly season, and noise of 3 %.
Y = [round(100 * 1.01 ** t * (1 + 0.25 * math.sin(2 * math.pi * t / 12) + 0.1 * math.cos(math.pi * t / 2)) * (1 + 0.03 * noise()))
     for t in range(144)]
# A column beside it, of which each value also depends.
X = [round(20 * next(random), 3) for _ in Y]
g = lambda v: '%.12g' % v


def trace(name, model, start, exogenous=False):
    """`learned` values, then the next one, its column, and the forecasts."""
    with open(name + '.csv', 'w') as out:
        out.write('learned,y,x,' + ','.join(f'f{h + 1}' for h in range(HORIZON)) + '\n')
        for i, (y, x) in enumerate(zip(Y, X)):
            y += 3 * x if exogenous else 0
            forecasts = [''] * HORIZON
            if i >= start:
                forecasts = map(g, model.forecast(HORIZON, [{'x': x}] * HORIZON if exogenous else None))
            out.write(f'{i},{g(y)},{g(x)},' + ','.join(forecasts) + '\n')
            model.learn_one(y, {'x': x} if exogenous else None)


def snarimax(regressor=None, **order):
    return time_series.SNARIMAX(regressor=regressor, **order)


adam = preprocessing.StandardScaler() | linear_model.LinearRegression(optimizer=optim.Adam(0.1), intercept_lr=0.1)
trace('ses_months', time_series.HoltWinters(alpha=0.4), 2)
trace('holt_months', time_series.HoltWinters(alpha=0.3, beta=0.1), 2)
trace('hw_add_months', time_series.HoltWinters(alpha=0.3, beta=0.1, gamma=0.6, seasonality=12), 12)
trace('hw_mult_months', time_series.HoltWinters(alpha=0.3, beta=0.1, gamma=0.6, seasonality=12, multiplicative=True), 12)
trace('ar_months', snarimax(p=3, d=0, q=0), 1)
trace('arima_months', snarimax(p=2, d=1, q=2), 2)
trace('sarima_months', snarimax(p=2, d=1, q=1, m=12, sp=1, sd=1, sq=1), 14)
trace('sarima_adam_months', snarimax(adam, p=12, d=1, q=12, m=12, sd=1), 14)
trace('arx_months', snarimax(p=2, d=0, q=0), 1, exogenous=True)
