"""The run-time check of annotations in tests: beartype, reading them as mypy does.

An int may stand where a float is asked (PEP 484), and `Self` is left to mypy: jaxtyping decorates methods one
by one, where beartype cannot know the class.
"""

from typing import Self

from beartype import BeartypeConf, FrozenDict, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True, hint_overrides=FrozenDict({Self: object})))
