"""An agent loop: a model proposes calls of tools, a person approves the dangerous ones, anybody cancels at any time.

    python -m interlock.examples.agent

An attempt is one question to a person. The answer names it, so that one that comes late or twice is dropped, and never
taken for the next call. The story is the audit trail.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from interlock import Machine, NoTransition, Run

AGENT = Machine.from_toml("""
lifecycle = "agent"
initial = "Thinking"
attempt = ["AwaitingApproval"]
states.Thinking.means = "the model has the word"
states.AwaitingApproval.means = "a person must say yes to the call"
states.Acting.means = "the tool is called"
states.Answered = { means = "the model has said what was asked for", final = true }
states.GivenUp = { means = "the model had its turns, and no answer", final = true }
states.Stopped = { means = "somebody cancelled it", final = true }
signals.PROPOSE.means = "the model wants a tool to be called"
signals.ANSWER.means = "the model wants nothing more"
signals.APPROVE.means = "a person says yes to the call"
signals.REJECT.means = "a person says no to the call"
signals.RETURN.means = "the tool has returned or raised, and the model is told"
signals.CANCEL.means = "nobody wants it any more"
limits.max_turns = { default = 8, means = "how often the model is told what came of its call" }
guards.turns_left = { when = "entered(Thinking) < max_turns", means = "the model may go on" }
guards.dangerous = { when = "?", default = true, means = "a person must see the call first" }
from.Thinking = { PROPOSE = ["AwaitingApproval if dangerous", "Acting"], ANSWER = "Answered", CANCEL = "Stopped" }
from.AwaitingApproval = { APPROVE = "Acting", REJECT = ["Thinking if turns_left", "GivenUp"], CANCEL = "Stopped" }
from.Acting = { RETURN = ["Thinking if turns_left", "GivenUp"], CANCEL = "Stopped" }
""")


@dataclass(frozen=True)
class PROPOSE:
    """The signal of this name, with what the guard `dangerous` must see."""

    tool: str
    argument: str


@dataclass
class Agent:
    """A run, who decides in it, and what was said."""

    run: Run
    model: Callable[[list[PROPOSE | str]], PROPOSE | str]
    tools: Mapping[str, Callable[[str], str]]
    said: list[PROPOSE | str] = field(default_factory=list)

    def work(self, state: str = AGENT.initial) -> str:
        """Go on from a state until a person must `decide`, or it is over. Nothing waits for the person."""
        does = {"Thinking": self.think, "Acting": self.act}
        while state in does:
            signal = does[state]()
            try:
                state = self.run.send(signal)  # who moved the run goes on from there, and nobody else
            except NoTransition:  # it was cancelled meanwhile
                return self.run.state
        return state

    def think(self) -> object:
        self.said.append(wish := self.model(self.said))
        return "ANSWER" if isinstance(wish, str) else wish

    def act(self) -> object:
        call = self.said[-1]
        assert isinstance(call, PROPOSE)  # an answer leads elsewhere
        try:
            self.said.append(self.tools[call.tool](call.argument))
        except Exception as error:  # noqa: BLE001  # whatever a tool raises, the model is told
            self.said.append(repr(error))
        return "RETURN"

    def decide(self, attempt: int, yes: bool) -> str | None:
        """Take a person's word, in any thread, and go on with it; None if nobody asks about that call any more."""
        after = self.run.deliver("APPROVE" if yes else "REJECT", attempt)
        if after and not yes:
            self.said.append("a person said no")
        return after and self.work(after)


if __name__ == "__main__":
    script: list[PROPOSE | str] = [PROPOSE("count", "some words"), PROPOSE("delete", "old.txt"), "that is all"]
    tools = {"count": lambda text: f"{len(text)} letters", "delete": lambda file: f"{file} would be gone"}
    run = Run(AGENT, guards={"dangerous": lambda view, call: call.tool != "count"})
    agent = Agent(run, lambda said: script[len(said) // 2], tools)
    agent.work()
    while not run.is_final:
        try:
            agent.decide(run.attempt, input(f"{agent.said[-1]}? [y/n] ") == "y")
        except (EOFError, KeyboardInterrupt):
            run.send("CANCEL")
    print(run.story, *agent.said, sep="\n")  # noqa: T201
