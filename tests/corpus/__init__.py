"""Made-up documents with known truth, for measuring how well fields are read and cited."""

from .build import Case, flatten
from .contracts import contracts
from .invoices import invoices
from .score import Score, by_shape, score, total
from .shapes import SHAPES, allowed, expected

CASES: list[Case] = [*invoices(), *contracts()]

__all__ = ["CASES", "SHAPES", "Case", "Score", "allowed", "by_shape", "expected", "flatten", "score", "total"]
