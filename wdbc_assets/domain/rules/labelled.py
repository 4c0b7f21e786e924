"""The rules of the labelled patients. This module imports no heavy libraries.

The patients of the reference and of the batches together satisfy the rules of the clean frame. Those of the batches
have a rule of their own, because the reference would outweigh them.
"""

from wdbc_assets.domain.rules import groups
from wdbc_assets.domain.rules.base import Rule

LATER_MALIGNANT_IS_LARGER = Rule(
    "later_malignant_is_larger",
    "The median radius of the malignant patients of the batches exceeds that of their benign ones.",
    "The recorded diagnoses are probably exchanged. Correct them with `wdbc outcomes add FILE`.",
)

PATIENTS: tuple[Rule, ...] = (*groups.CLEAN_RULES, LATER_MALIGNANT_IS_LARGER)
