"""The groups of rules are well formed."""

from wdbc_assets.domain.rules import groups


def test_rules_are_named_once_each() -> None:
    for group in (groups.RAW_RULES, groups.CLEAN_RULES, groups.SPLIT_RULES):
        names = [rule.name for rule in group]
        assert len(names) == len(set(names))
        assert all(rule.description and rule.hint for rule in group)
