"""The causes of alerts: severity, meaning, what stays safe and what to do. docs/operations.md is a view of this table.

An occurrence is one cause at one subject, as a detector finds it. To add a cause, write an entry here and a detector in
`monitoring.alerts.detectors`, then run `python -m tools.operations`.
"""

from dataclasses import dataclass
from datetime import datetime

from wdbc_assets.domain import formatting
from wdbc_assets.domain.monitoring import thresholds
from wdbc_assets.settings import Severity

PAGE = "docs/operations.md"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What can be wrong.

    Attributes:
        label: What `wdbc status --check` calls it.
        severity: Which channels it reaches.
        meaning: What it means.
        safe: What is still safe.
        action: What to do, the first step first.
    """

    label: str
    severity: Severity
    meaning: str
    safe: str
    action: str


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """One cause at one subject. None of its texts holds a secret or a patient's value.

    Attributes:
        cause: Name of the cause in `CAUSES`.
        subject: What is concerned: a job, an asset, a sensor, a folder.
        text: What is wrong, in one line.
        version: Identifies the state that the occurrence began with, such as the id of the first run that failed.
        since: When it began, if that is known.
    """

    cause: str
    subject: str
    text: str
    version: str = ""
    since: datetime | None = None

    @property
    def kind(self) -> str:
        """What `wdbc status --check` calls the cause."""
        return CAUSES[self.cause].label

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}: {' '.join(self.text.split())}"


_FALSE_ALARMS = " and ".join(
    f"{formatting.percent(threshold.false_alarms)} of years with {cadence}"
    for cadence, threshold in thresholds.DRIFT.items()
)
_VERSIONS_STAY = "Every current version and the champion are unchanged, and predictions are served as before."

CAUSES: dict[str, Cause] = {
    "failed-run": Cause(
        label="failed run",
        severity="error",
        meaning="The last finished run of a job failed, and no later run succeeded. Or a materialization by hand"
        " failed, and one of its assets was not made since. A canceled run does not count.",
        safe=_VERSIONS_STAY,
        action="Read the reason with `wdbc status`, or on the run's page in `wdbc ui`. Fix it, then run the job again"
        " (`wdbc run` for the job `train`), or materialize the assets that are named. The alert closes with a"
        " success, or once the job would find nothing to do.",
    ),
    "refused-asset": Cause(
        label="refused",
        severity="error",
        meaning="A value broke a blocking rule of its contract, or could not be computed, and was not stored.",
        safe=_VERSIONS_STAY,
        action="If the reason is the network, the disk or a server, see to that, then run `wdbc run`. If it is a rule,"
        " run `wdbc status` for its rows. Ask the owner of the source for a correction, or return to the earlier source"
        " with `WDBC_SOURCE`. Do not relax a rule at night.",
    ),
    "damaged-store": Cause(
        label="damaged",
        severity="error",
        meaning="A stored file, a pointer, the champion or the audit log does not match its digest, or cannot be read."
        " Or the store was moved or emptied.",
        safe="Damage is detected on every read and never used. A running service keeps the model that it has loaded.",
        action="Do not restart the service. Check the disk or the object store; put a store that was moved back in its"
        " place. `wdbc run` makes a damaged asset again;"
        " restore the files of the champion and of the audit log from a backup. Then run `wdbc status --check`.",
    ),
    "damaged-history": Cause(
        label="damaged",
        severity="error",
        meaning="Dagster's run history cannot be opened, so failed runs and ticks are not seen.",
        safe="The store with all versions and the champion is elsewhere, and is not concerned.",
        action="Check that the disk of `DAGSTER_HOME` is not full and belongs to the right user. If the database is"
        " damaged, stop the daemon and move the file aside: Dagster creates a new one.",
    ),
    "unreadable-source": Cause(
        label="stale source",
        severity="error",
        meaning="The configured local source cannot be read.",
        safe=f"{_VERSIONS_STAY} They become older.",
        action="Check that the file exists, its disk is mounted and that this user may read it. See `WDBC_SOURCE`.",
    ),
    "stale-source": Cause(
        label="stale source",
        severity="warning",
        meaning="A remote source was neither read nor checked for longer than `WDBC_STALE_AFTER_HOURS` allows.",
        safe=f"{_VERSIONS_STAY} They may be older than the source.",
        action="Run `wdbc run`. If it cannot reach the source, check the network and the source's owner. If it can,"
        " turn on the sensor `source_changed` or the schedule `daily_train` in `wdbc ui`.",
    ),
    "failed-sensor": Cause(
        label="failed tick",
        severity="error",
        meaning="The last tick of a sensor failed, or it has not ticked for 15 minutes although the daemon runs."
        " `source_changed` fails after three failed checks of the source.",
        safe=f"{_VERSIONS_STAY} The sensor tries again by itself.",
        action="Read the tick's error in `wdbc ui`, under Automation. Usually the source is away: see"
        " `unreadable-source`. The alert closes with the next tick that succeeds.",
    ),
    "failed-schedule": Cause(
        label="failed tick",
        severity="error",
        meaning="The last tick of a schedule failed, or it has not ticked for 25 hours although the daemon runs. Its"
        " job was not started.",
        safe=_VERSIONS_STAY,
        action="Read the tick's error in `wdbc ui`, under Automation. Start the job by hand: `wdbc run`.",
    ),
    "daemon-down": Cause(
        label="daemon down",
        severity="error",
        meaning="Dagster's daemon has sent no heartbeat for five minutes, and a sensor or schedule is turned on.",
        safe=f"{_VERSIONS_STAY} Nothing starts by itself meanwhile.",
        action="Start the daemon: `wdbc ui`, or your service manager. It catches up on the last missed tick. If it ends"
        " again, read its output.",
    ),
    "second-daemon": Cause(
        label="second daemon",
        severity="warning",
        meaning="More than one daemon of Dagster works on this history: each overwrites the heartbeats of the other."
        " Dagster does not support that; one tick may start two runs.",
        safe="Each batch is stored once, and each alert is sent once.",
        action="It can wait for the morning. Look for `wdbc ui` and `dagster-daemon`, by hand or by a service manager,"
        " on every machine that uses this history, and stop all but one. The alert closes a quarter of an hour after"
        " that.",
    ),
    "failed-check": Cause(
        label="failed check",
        severity="warning",
        meaning="A rule that does not block failed for a current version. The version was stored and is in use.",
        safe="No blocking rule failed. The champion is unchanged: only a promotion changes it.",
        action="It can wait for the morning. Read the check on the asset's page in `wdbc ui`, and decide before the"
        " next promotion whether the value is acceptable. Acknowledge the alert if it is.",
    ),
    "drift": Cause(
        label="drift",
        severity="error",
        meaning="The patients of the last batches, or of the service's last windows, are not like those that the"
        f" model was developed on: a stream of the drift report is in alarm, by chance in {_FALSE_ALARMS} batches.",
        safe="Every batch and its predictions are stored, and nothing was changed by itself. The predictions of the"
        " last batches or windows may be wrong.",
        action="Run `wdbc monitor`, or `wdbc monitor --service` for the asset `served_drift`, for the streams and"
        " the cause. If measurements changed, have the sender check units and instruments, and have these patients"
        " assessed by a person until then. If only the prevalence changed, see `wdbc recalibrate`.",
    ),
    "set-aside-rows": Cause(
        label="rows set aside",
        severity="warning",
        meaning="Rows of a batch violate a rule, so these patients have no prediction.",
        safe="The other rows of the batch were scored.",
        action="It can wait for the morning. Read the rules with `wdbc monitor`, or on the page of `incoming_batch` in"
        " `wdbc ui`, and have the sender correct these rows and send them in a new file. The alert closes when the"
        " latest batch is whole and all others with such rows arrived more than a day ago.",
    ),
    "refused-files": Cause(
        label="refused files",
        severity="warning",
        meaning="Files in the inbox were no batches, and were moved to its folder `refused`, each with a text file that"
        " says why.",
        safe="Nothing of these files was stored. All other batches were taken up.",
        action="It can wait for the morning. Read the reasons in `inbox/refused/`, have the sender correct the files,"
        " and put them into the inbox again. The alert closes when the folder is empty.",
    ),
    "refused-champion": Cause(
        label="refused champion",
        severity="error",
        meaning="The prediction service refuses the promoted champion: it is damaged, foreign, fails its smoke test, or"
        " cannot be loaded.",
        safe="The service goes on with the champion that it loaded before; each answer names its version.",
        action="Read the reason in `/v1/model` of the service. Restore the earlier champion with `wdbc rollback"
        " --reason TEXT`, or promote again. Do not restart the service: a new process has no earlier champion.",
    ),
    "predictions-wrong": Cause(
        label="wrong predictions",
        severity="error",
        meaning="The predictions do not agree with the diagnoses that became known: the calibration or the recall is in"
        " alarm.",
        safe="Outcomes and predictions are stored. Without `WDBC_AUTO_ROLLBACK=guard` nothing was changed by itself:"
        " the service goes on with the same champion.",
        action="Run `wdbc live`. Check first that the diagnoses were recorded correctly. If they were, have patients"
        " assessed by a person with `wdbc refer-all on --reason TEXT`. Restore the earlier champion with `wdbc rollback"
        " --reason TEXT` if the evidence in `wdbc live` says that it was better.",
    ),
    "refer-everyone": Cause(
        label="refer everyone",
        severity="error",
        meaning="Every patient is referred to a person, whatever the champion says: the guard has switched this on"
        " because the outcomes contradict the predictions, or a person has.",
        safe="No patient is called benign or malignant by the model. Probabilities are computed as before.",
        action="Tell those who assess the referred patients that there are more of them. Find the cause with `wdbc"
        " live` and `wdbc monitor`. It ends with the promotion of another model, or with `wdbc refer-all off --reason"
        " TEXT`.",
    ),
    "rolled-back": Cause(
        label="rolled back",
        severity="error",
        meaning="The guard has restored the previous champion: on the same patients, its predictions were better. This"
        " is wrong for at most 5 % of champions.",
        safe="The restored champion is intact and serves predictions. The other one and the evidence are stored.",
        action="It can wait for the morning. `wdbc history` has the evidence. Find out why the model was worse before"
        " you promote again: wrong diagnoses in its training set, for example. The guard does not act on either of the"
        " two again. Acknowledge the alert; it closes when another model is in production.",
    ),
    "rollback-due": Cause(
        label="rollback due",
        severity="error",
        meaning="The outcomes show that the champion is worse than the one before it, and nothing has rolled it back:"
        " `WDBC_AUTO_ROLLBACK` is off, the guard has acted on this champion before, or it could not.",
        safe="The champion goes on. The one before it is stored; `wdbc champion` says whether it is intact.",
        action="Run `wdbc live` for the evidence, then `wdbc rollback --reason TEXT`. If the earlier champion cannot be"
        " restored, have patients assessed by a person: `wdbc refer-all on --reason TEXT`.",
    ),
    "overdue-asset": Cause(
        label="overdue",
        severity="warning",
        meaning="An asset that is made on a schedule was not made or confirmed within its time.",
        safe=f"{_VERSIONS_STAY} They may be older than the source.",
        action="Run `wdbc run`. Then check in `wdbc ui` that the schedule `daily_train` is on and the daemon runs.",
    ),
    "refused-promotion": Cause(
        label="refused promotion",
        severity="warning",
        meaning="The gate compared the current candidate with the champion, and kept the champion.",
        safe="The champion is unchanged and serves predictions.",
        action="It can wait for the morning. `wdbc history` shows the verdict and its reasons. Do not force the"
        " promotion. The alert closes with another candidate or another decision.",
    ),
    "refused-refit": Cause(
        label="refused refit",
        severity="warning",
        meaning="A retraining compared a refit with the champion, and the refit did not pass. If the criterion"
        " `reference` was not met, recorded outcomes may be wrong.",
        safe="The champion is unchanged and serves predictions.",
        action="It can wait for the morning. See the reason with `wdbc history`, and the criteria with `wdbc promote"
        " --refit --dry-run`. Check the recorded outcomes first. The alert closes with the next retraining, or with"
        " another champion.",
    ),
    "waiting-refit": Cause(
        label="refit waits",
        severity="warning",
        meaning="A retraining made a refit that may be promoted, and nobody has promoted it yet.",
        safe="The champion is unchanged and serves predictions.",
        action="It can wait for the morning. See the criteria with `wdbc promote --refit --dry-run`, then promote it"
        " with `wdbc promote --refit`. With `WDBC_AUTO_PROMOTE=evidence` a refit that is better needs nobody.",
    ),
    "failed-detector": Cause(
        label="failed detector",
        severity="warning",
        meaning="A detector of problems failed by a bug, so what it looks for is not seen. Others go on.",
        safe=f"{_VERSIONS_STAY} Alerts that the detector raised before stay open.",
        action="It can wait for the morning. Run `wdbc --debug status --check` for the traceback, and report the bug."
        " Until then, look in `wdbc ui` yourself.",
    ),
    "low-disk": Cause(
        label="disk space",
        severity="error",
        meaning="A folder that this platform writes to has less free space than `WDBC_ALERTS_FREE_BYTES`.",
        safe="A write that does not fit is refused as a whole: no version becomes incomplete.",
        action="Run `wdbc gc`, then `wdbc gc --apply`, to remove versions that nothing refers to. Remove old logs, or"
        " enlarge the disk.",
    ),
}


def link(cause: str) -> str:
    """Return where the documentation describes a cause."""
    return f"{PAGE}#{cause}"
