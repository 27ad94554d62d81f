"""A value with its interval, or none and the reason: what every figure of a result is made of."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from schema.base import Count, Frozen, Probability, Slug
from schema.task import IntervalMethod
from schema.terms import Status


class Interval(Frozen):
    """A confidence interval."""

    low: float
    high: float
    level: Annotated[float, Field(gt=0, lt=1)]
    method: IntervalMethod

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("interval is upside down")
        return self


class Valued(Frozen):
    """A value with a status: a value that cannot be computed is None, with the reason."""

    value: float | None
    status: Status
    reason: str | None = None

    @model_validator(mode="after")
    def _none_has_a_reason(self) -> Self:
        if (self.value is None) == (self.status is Status.OK):
            raise ValueError("a value is present exactly when its status is ok")
        if self.value is None and not self.reason:
            raise ValueError("a missing value needs a reason")
        if self.value is not None and self.reason is not None:
            raise ValueError("a value that is present has no reason")
        return self


class Figure(Valued):
    """One figure over the cohort."""

    metric: Slug
    scope: Slug
    """Which label, class, comparator or group it is of."""
    interval: Interval | None = None
    interval_reason: str | None = None
    """Why there is no interval, when there is a value and none."""
    n: Count
    """How many observations (patients, nodes) it rests on."""
    p_value: Probability | None = None

    @model_validator(mode="after")
    def _interval_is_of_a_value(self) -> Self:
        of_value = (self.interval, self.interval_reason, self.p_value)
        if self.value is None and any(each is not None for each in of_value):
            raise ValueError("without a value no interval, interval_reason or p_value")
        if self.interval is not None and self.interval_reason is not None:
            raise ValueError("either an interval or an interval_reason, not both")
        return self


class Estimated(Valued):
    """A value of something named beside it, with its interval or the reason for none."""

    interval: Interval | None = None
    interval_reason: str | None = None
    n: Count
    """How many observations it rests on."""

    @model_validator(mode="after")
    def _interval_is_of_the_value(self) -> Self:
        if self.value is None and (self.interval or self.interval_reason):
            raise ValueError("without a value no interval and no interval_reason")
        return self
