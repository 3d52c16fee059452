"""All figures by name: those counted from the cases, the maturity read from them, the steps reckoned from them."""

from parley.assess import maturity, next_steps
from parley.assess.figures import FIGURES, Figure
from parley.assess.study import Study
from parley.core.errors import ParleyError

ALL = {**FIGURES, **maturity.FIGURES_MADE, **next_steps.FIGURES_MADE}


def figure(study: Study, key: str) -> Figure:
    """Raises ParleyError, which lists the names, for an unknown one."""
    if key not in ALL:
        raise ParleyError(f"There is no figure “{key}”. Figures are: {', '.join(ALL)}.")
    return ALL[key](study)
