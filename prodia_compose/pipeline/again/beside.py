"""What is told of a job, written beside its picture (`--sidecar`)."""

from prodia_compose import errors
from prodia_compose.output import sidecar
from prodia_compose.pipeline.batch.results import lines
from prodia_compose.pipeline.plan import Plan
from prodia_compose.pipeline.run import Run


def write(plan: Plan, run: Run, result: lines.Document) -> tuple[errors.Warned, ...]:
    """Write the sidecar of a job's first picture, if one was asked for; return what stopped that.

    Args:
        plan: How the job stood before it was sent.
        run: What became of it.
        result: `prodia-compose/result@1` of it; its paths become those from the picture's folder on.
    """
    if not plan.request.placement.sidecar or plan.place is None or not run.saved:
        return ()
    picture = run.saved[0].path
    document = lines.movable(result, sidecar.folder(picture))
    return sidecar.write(lines.written(document), plan.place, picture)
