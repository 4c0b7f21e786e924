"""The error type shown to users: what is wrong, where, and what to do about it.

Only errors that a user can act on use it. Bugs raise other exceptions and show their traceback.
"""


class WdbcError(Exception):
    """An input, a setting or an external resource is invalid or unavailable.

    `what` states in one sentence what is wrong, `where` is the place (a file, a URL, a setting, a row), and `hint` says
    what to do. None of them may contain a credential or a patient's value. Patients' values are in `detail`, which is
    never logged and is shown in the terminal only if the operator allows it. `places` has the same details without
    values.
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
