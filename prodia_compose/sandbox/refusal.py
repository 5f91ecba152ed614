"""The one way a request is turned down."""


class RefusedError(Exception):
    """The sandbox turns a request down, as the service would.

    Attributes:
        status: The HTTP status to answer with.
        message: The reason, in the service's words where they are known.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
