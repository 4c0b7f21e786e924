"""The one error that people see: what happened, where, and what to do about it.

Only errors that a user can act on belong here; a bug is left to show its traceback.
"""


class WdbcError(Exception):
    """Something from outside was refused, or could not be had.

    `what` says in one sentence what is wrong, `where` names the place (a file, a URL, a setting, a row), and
    `hint` says what to do. None of them may carry a credential, nor a patient's value: that travels in `detail`,
    which is never logged, and shown at the terminal only where the operator allows it. `places` is what can be said
    of the same without a value.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "", detail: str = "", places: str = "") -> None:
        self.what = what
        self.where = where
        self.hint = hint
        self.detail = detail
        self.places = places
        super().__init__(what)

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.where and f"at: {self.where}", self.hint) if part)
