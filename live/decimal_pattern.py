"""The regular expression of the decimal texts between two bounds, for a JSON Schema.

shape   `decimal_pattern("0.1", "60")` matches "0.1", "59.99" and "60.00", not "0.09" or "60.01"
reads   bounds that are canonical decimal text, 0 or more; as many digits as a setting may have
why     a schema has no bounds for numbers that are written as text, and a limit that an editor
        shows as good but the loader refuses is found out at the start of the trading day
"""

_MORE = r"(?:\.[0-9]{1,33})?"
"""Any fraction, or none."""


def decimal_pattern(low: str, high: str) -> str:
    """The pattern, with anchors, of the decimals `low` <= x <= `high`."""
    parts = [f"(?:{_at_least(low)})", f"(?:{_at_most(high)})"]
    together = "".join(f"(?={part}$)" for part in parts)
    return rf"^{together}[-0-9.]+$(?!\n)"


def _at_most(bound: str) -> str:
    whole, _, fraction = bound.partition(".")
    choices = [r"-0(?:\.0{1,33})?"]
    if len(whole) > 1:
        shorter = len(whole) - 2
        choices.append(rf"(?:0|[1-9][0-9]{{0,{shorter}}}){_MORE}")
    for index, digit in enumerate(whole):
        least = 1 if index == 0 and len(whole) > 1 else 0
        if int(digit) > least:
            rest = len(whole) - index - 1
            below = f"[{least}-{int(digit) - 1}]"
            choices.append(rf"{whole[:index]}{below}[0-9]{{{rest}}}{_MORE}")
    choices.append(f"{whole}{_fraction_at_most(fraction)}")
    return "|".join(choices)


def _at_least(bound: str) -> str:
    if bound == "0":
        return rf"-0(?:\.0{{1,33}})?|(?:0|[1-9][0-9]{{0,33}}){_MORE}"
    whole, _, fraction = bound.partition(".")
    longer = len(whole)
    choices = [rf"[1-9][0-9]{{{longer},33}}{_MORE}"]
    for index, digit in enumerate(whole):
        if int(digit) < 9:
            rest = len(whole) - index - 1
            above = f"[{int(digit) + 1}-9]"
            choices.append(rf"{whole[:index]}{above}[0-9]{{{rest}}}{_MORE}")
    choices.append(f"{whole}{_fraction_at_least(fraction)}")
    return "|".join(choices)


def _fraction_at_most(bound: str) -> str:
    """The fraction, with its point, of what has the bound's whole part and is not above it."""
    choices = [""]
    for index, digit in enumerate(bound):
        if index:
            choices.append(rf"\.{bound[:index]}")
        if int(digit) > 0:
            rest = f"[0-9]{{0,{32 - index}}}"
            choices.append(rf"\.{bound[:index]}[0-{int(digit) - 1}]{rest}")
    choices.append(rf"\.{bound}0{{0,{33 - len(bound)}}}" if bound else r"\.0{1,33}")
    return f"(?:{'|'.join(choices)})"


def _fraction_at_least(bound: str) -> str:
    """The same of what is not below it."""
    if not bound:
        return _MORE
    choices = []
    for index, digit in enumerate(bound):
        if int(digit) < 9:
            rest = f"[0-9]{{0,{32 - index}}}"
            choices.append(rf"\.{bound[:index]}[{int(digit) + 1}-9]{rest}")
    choices.append(rf"\.{bound}[0-9]{{0,{33 - len(bound)}}}")
    return f"(?:{'|'.join(choices)})"
