"""A spam filter for each mailbox: a naive Bayes model that its session holds between calls."""

import math
import os
from collections import Counter

from terrarium import session, tool


class Filter:
    """Knows how often each word is in spam and in other mail."""

    def __init__(self) -> None:
        self.words = {True: Counter[str](), False: Counter[str]()}
        self.mails = {True: 0, False: 0}

    def learn(self, text: str, spam: bool) -> None:
        self.words[spam].update(text.split())
        self.mails[spam] += 1

    def is_spam(self, text: str) -> bool:
        return self._likelihood(text, True) > self._likelihood(text, False)

    def _likelihood(self, text: str, spam: bool) -> float:
        """The logarithm. Each word counts once more than it was seen, so that an unknown one is not impossible."""
        words = self.words[spam]
        known = len(self.words[True] | self.words[False])
        prior = math.log((self.mails[spam] + 1) / (sum(self.mails.values()) + 2))
        return prior + sum(math.log((words[word] + 1) / (words.total() + known + 1)) for word in text.split())


def mailbox() -> Filter:
    """The model of the session whose call this is."""
    mine = session()
    if mine is None:
        raise LookupError("call this tool by a session: pool.session('ada').call(…)")
    model = mine.get("model")
    if model is None:
        model = Filter()
        mine.set("model", model)
        mine.on_close(lambda: print(f"the filter of {mine.id} is let go"))
    return model


@tool
def learn(mails: list[str], spam: bool) -> int:
    """How many mails the model of this mailbox has seen."""
    model = mailbox()
    for text in mails:
        model.learn(text, spam)
    return sum(model.mails.values())


@tool
def is_spam(text: str) -> bool:
    return mailbox().is_spam(text)


@tool
def crash() -> None:
    """Ends the worker as a fault in native code does."""
    os._exit(1)
