"""River's models beside ours, by the names that bench/learners/subjects.ts gives them. Every one with a scaler where ours scales."""

from river import anomaly, forest, linear_model, naive_bayes, optim, preprocessing, tree


def scaled(model):
    return preprocessing.StandardScaler() | model


class Quantiles:
    """What `quantile` is: several quantiles of the same scaled row, in order. River has one a model; they share the scaler here."""

    def __init__(self, *quantiles):
        self.scaler = preprocessing.StandardScaler()
        self.models = [linear_model.LinearRegression(loss=optim.losses.Quantile(quantile)) for quantile in quantiles]

    def predict_one(self, x):
        scaled = self.scaler.transform_one(x)
        return sorted(model.predict_one(scaled) for model in self.models)

    def learn_one(self, x, y):
        self.scaler.learn_one(x)
        scaled = self.scaler.transform_one(x)
        for model in self.models:
            model.learn_one(scaled, y)


MODELS = {
    "logistic": lambda seed: scaled(linear_model.LogisticRegression()),
    "logistic_sgd_0.1": lambda seed: scaled(linear_model.LogisticRegression(optimizer=optim.SGD(0.1))),
    "logistic_adagrad": lambda seed: scaled(linear_model.LogisticRegression(optimizer=optim.AdaGrad(0.1))),
    "logistic_adam": lambda seed: scaled(linear_model.LogisticRegression(optimizer=optim.Adam(0.01))),
    "logistic_ftrl": lambda seed: scaled(linear_model.LogisticRegression(optimizer=optim.FTRLProximal())),
    "passive_aggressive": lambda seed: scaled(linear_model.PAClassifier(C=0.01)),
    "linear": lambda seed: scaled(linear_model.LinearRegression()),
    "linear_adagrad_1": lambda seed: scaled(
        linear_model.LinearRegression(optimizer=optim.AdaGrad(1.0), intercept_lr=0.1)
    ),
    "pa_regressor": lambda seed: scaled(linear_model.PARegressor()),
    "quantile": lambda seed: Quantiles(0.1, 0.5, 0.9),
    "softmax": lambda seed: scaled(linear_model.SoftmaxRegression()),
    "naive_bayes": lambda seed: naive_bayes.GaussianNB(),
    "hoeffding_tree": lambda seed: tree.HoeffdingTreeClassifier(),
    "hoeffding_adaptive_tree": lambda seed: tree.HoeffdingAdaptiveTreeClassifier(seed=seed),
    "adaptive_forest": lambda seed: forest.ARFClassifier(n_models=10, seed=seed),
    "mondrian_forest": lambda seed: forest.AMFClassifier(n_estimators=10, seed=seed),
    "half_space_trees": lambda seed: preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(seed=seed),
    "hoeffding_tree_regressor": lambda seed: tree.HoeffdingTreeRegressor(),
    "scaled_hoeffding_tree_regressor": lambda seed: scaled(tree.HoeffdingTreeRegressor()),
    "hoeffding_adaptive_tree_regressor": lambda seed: tree.HoeffdingAdaptiveTreeRegressor(seed=seed),
    "adaptive_forest_regressor": lambda seed: forest.ARFRegressor(n_models=10, seed=seed),
    "mondrian_forest_regressor": lambda seed: forest.AMFRegressor(n_estimators=10, seed=seed),
}
