"""A task that loops until its value is large enough: the example of the page that the signals come from."""

import interlock
from interlock import Flow, task
from interlock.signals import LOOP


@task
def accumulate(x: int) -> int:
    """Add 5 in every turn, up to 100."""
    current: int = interlock.context.get("task_loop_result", x)
    if current < 100:
        raise LOOP(result=current + 5)
    return current


with Flow("Looper") as flow:
    output = accumulate(5)

if __name__ == "__main__":
    flow_state = flow.run()
    print(flow_state.result[output].result)  # noqa: T201  # 100
