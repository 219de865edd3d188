"""What the fields of a results document may hold, and what all of its objects have in common."""

from typing import Annotated, Any, NamedTuple

from annotated_types import Ge, Lt
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator


class Estimate(NamedTuple):
    """A percentage, or a difference of two in points, with its 95 % interval."""

    value: float
    low: float
    high: float


def _text(value: object) -> str:
    # not pydantic's own check, which refuses names of files that are not valid UTF-8
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text")
    return value


def _integral(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_order(estimate: Estimate) -> Estimate:
    if estimate.low > estimate.high:
        raise ValueError("low lies above high, the other end of the interval")
    return estimate


def check_percentages(estimate: Estimate) -> Estimate:
    if not all(-1e-6 <= value <= 100 + 1e-6 for value in estimate):
        raise ValueError("must be percentages from 0 to 100")
    return check_order(estimate)


Text = Annotated[str, PlainValidator(_text, json_schema_input_type=str)]
Count = Annotated[int, Ge(0), BeforeValidator(_integral)]
K = Annotated[int, Ge(1), BeforeValidator(_integral)]
Amount = Annotated[float, Ge(0), Lt(1e18)]
Points = Annotated[float, Ge(-1e18), Lt(1e18)]
Percentage = Annotated[Estimate, AfterValidator(check_percentages)]
"""A percentage with its interval."""


class Entry(BaseModel):
    """An object of the document; keys without a field are kept."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False, populate_by_name=True)

    def record(self) -> dict[str, Any]:
        """The object as it stands in the file."""
        return self.model_dump(by_alias=True, exclude_unset=True)
