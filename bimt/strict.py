"""The strict pydantic model that every part of a configuration is built on."""

from pydantic import BaseModel, ConfigDict

MOST = 10**12
"""No count of rows or neurons may be larger: libraries fail at such numbers with errors of their own."""


class StrictModel(BaseModel):
    """Refuses unknown keys and silent conversions; cannot be changed once made."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
