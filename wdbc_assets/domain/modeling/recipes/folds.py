"""The folds that recipes use inside a pipeline."""


def shuffled_folds(seed: int) -> object:
    """Return five stratified folds in random order."""
    from sklearn.model_selection import StratifiedKFold

    return StratifiedKFold(5, shuffle=True, random_state=seed)
