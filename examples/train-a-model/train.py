"""Trains a classifier of handwritten digits on the data set that scikit-learn brings, and draws how it went."""

import io

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from terrarium import tool


@tool
def train(epochs: int, batch: int = 64, seed: int = 0):
    """What the model knows after each epoch: its loss on what it has seen, and its accuracy on what it has not."""
    images, digits = load_digits(return_X_y=True)
    seen, unseen, seen_digits, unseen_digits = train_test_split(images / 16, digits, random_state=seed)
    model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01, random_state=seed)
    classes, random = np.unique(digits), np.random.default_rng(seed)
    try:
        for epoch in range(1, epochs + 1):
            order = random.permutation(len(seen))
            for part in np.array_split(order, len(order) // batch):
                model.partial_fit(seen[part], seen_digits[part], classes)
            loss = log_loss(seen_digits, model.predict_proba(seen))
            yield {"epoch": epoch, "loss": loss, "accuracy": model.score(unseen, unseen_digits)}
    finally:
        print("training is over")


@tool
def chart(loss: np.ndarray, accuracy: np.ndarray) -> bytes:
    """The course of a training as a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    left = figure.add_subplot(title="Digits of scikit-learn, stochastic gradient descent", xlabel="epoch")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    epochs = np.arange(1, len(loss) + 1)
    right = left.twinx()
    lines = left.plot(epochs, loss, "o-", color="tab:red", label="loss, training set")
    lines += right.plot(epochs, accuracy, "s-", color="tab:blue", label="accuracy, test set")
    left.set_ylabel("loss")
    right.set_ylabel("accuracy")
    left.grid(alpha=0.3)
    left.legend(handles=lines, loc="center right")
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=120)
    return png.getvalue()
