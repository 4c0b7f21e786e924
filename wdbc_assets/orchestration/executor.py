"""The executor of all runs: one process for all steps, unless a run's configuration asks for a process for each step.

Dagster's default is a process for each step. Each of them imports every library again, which costs about seven times
the CPU for assets of this size. To choose it for one run:

    execution: {config: {multiprocess: {max_concurrent: 2}}}
"""

import dagster as dg

_dagsters = dg.multi_or_in_process_executor

executor = dg.ExecutorDefinition(
    name="in_process_by_default",
    config_schema=dg.Field(_dagsters.config_schema.config_type, default_value={"in_process": {}}),
    requirements=_dagsters.get_requirements,
    executor_creation_fn=_dagsters.executor_creation_fn,
    description="Executes all steps in one process, or each in its own.",
)
