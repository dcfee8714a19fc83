"""Starts MiniStack with what can only be mended inside it."""

from contextvars import ContextVar

from ministack.app import main
from ministack.services import cloudwatch

judged = ContextVar("judged", default=None)
evaluate = cloudwatch._evaluate_alarm


class Metrics(type(cloudwatch._metrics)):
    __slots__ = ()

    def items(self):
        """While an alarm is judged, the metric of its dimensions alone: MiniStack adds up all of one name."""
        return [entry for entry in super().items() if judged.get() in (None, entry[0][2])]


def evaluate_own(alarm):
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    token = judged.set(cloudwatch._dims_key(dimensions))
    try:
        evaluate(alarm)
    finally:
        judged.reset(token)


cloudwatch._metrics.__class__ = Metrics
cloudwatch._evaluate_alarm = evaluate_own
main()
