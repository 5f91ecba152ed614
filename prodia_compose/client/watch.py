"""What a client tells the job it works for, as it goes."""

from typing import Protocol

from prodia_compose.client.answers import Answer
from prodia_compose.client.transport.exchange import Reply
from prodia_compose.errors import JobState


class Watch(Protocol):
    """Whoever must know at each moment how far a job is, and holds what came for it.

    None of the calls may raise.
    """

    def reached(self, state: JobState) -> None:
        """Take in that the job has come to a state; `not-sent` again after a busy service."""

    def met(self, reply: Reply) -> None:
        """Take in who answers, before what it answers is read."""

    def came(self, answer: Answer) -> None:
        """Take what has come of an answer that may bring pictures, before anything is made of it.

        Told once for each answer, whatever ends its reading: its end, the connection's, a
        signal, a bug. Its `outputs` are whole; `remains` is what else is worth keeping if it
        is of no use; no secret has been taken out of it yet. Of an `--async` job its creation
        is told, and its pictures when all of them are here: until then the service has them.
        """
