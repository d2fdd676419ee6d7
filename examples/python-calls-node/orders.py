"""Adds up orders. The Node process knows the prices, and asks this pool for the rebates in turn."""

from terrarium import HostError, host, tool


@tool
def total(order: dict[str, int]) -> float:
    """What an order costs. An error of the price function that is not caught here reaches the caller."""
    return sum(host.call("price", sku=sku, count=count) for sku, count in order.items())


@tool
def known(skus: list[str]) -> list[str]:
    """The articles that have a price."""
    found = []
    for sku in skus:
        try:
            host.call("price", sku=sku, count=1)
            found.append(sku)
        except HostError as error:
            if error.code != "NO_SUCH_ARTICLE":
                raise
    return found


@tool
def ask_wrongly() -> str:
    """What is said of arguments that the schema refuses."""
    try:
        host.call("price", sku="apple", count="two")
    except HostError as error:
        return f"{error.code}: {error}"
    return "nothing"


@tool
def rebate(count: int) -> float:
    """Which part of the price is left for so many."""
    return 0.9 if count >= 10 else 1.0
