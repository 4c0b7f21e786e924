"""The groups of rules are well formed."""

from wdbc_assets.domain import cell_rules, rules


def test_rules_are_named_once_each() -> None:
    for group in (rules.RAW_RULES, rules.CLEAN_RULES, rules.SPLIT_RULES):
        names = [rule.name for rule in group]
        assert len(names) == len(set(names))
        assert all(rule.description and rule.mend for rule in group)
    assert rules.BY_NAME["id_is_unique"] is cell_rules.id_is_unique
