"""Every row of the table of Argo's ways, by section of the facts."""

from __future__ import annotations

from typing import Final

from support import argo_rows_habits, argo_rows_parameters, argo_rows_replies, argo_rows_users
from support.argo_row import Aside, Row

ROWS: Final[tuple[Row, ...]] = (
    *argo_rows_users.ROWS,
    *argo_rows_replies.ROWS,
    *argo_rows_parameters.ROWS,
    *argo_rows_habits.ROWS,
)
ASIDES: Final[tuple[Aside, ...]] = (
    *argo_rows_users.ASIDES,
    *argo_rows_replies.ASIDES,
    *argo_rows_parameters.ASIDES,
    *argo_rows_habits.ASIDES,
)
