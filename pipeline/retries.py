"""Try again what may go better the next time: exponential backoff with jitter, within a budget."""

import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pipeline.errors import StorageError

Answer = TypeVar("Answer")

MAX_TRIES = 8  # of one request: half a minute of waiting, on average
FIRST_WAIT_S = 0.5
MAX_WAIT_S = 20.0


@dataclass
class Retries:
    """What may be tried again on behalf of one clip (or one command), and what was.

    Attributes:
        budget_s: Waiting there may be, over all requests together.
        num_retries: Requests that were made again.
        waited_s: Waited so far.
    """

    budget_s: float = 180.0
    num_retries: int = 0
    waited_s: float = 0.0

    def run(self, request: Callable[[], Answer]) -> Answer:
        """The answer of `request`, made again while it fails for reasons that may pass.

        Raises:
            StorageError: Another try cannot help, or none is left (then transient).
        """
        for num_tries in itertools.count(1):
            try:
                return request()
            except StorageError as error:
                if not error.is_transient:
                    raise
                # "Full jitter": workers that failed together do not come back together.
                wait_s = random.uniform(0, min(MAX_WAIT_S, FIRST_WAIT_S * 2**num_tries))
                if num_tries == MAX_TRIES or self.waited_s + wait_s > self.budget_s:
                    raise StorageError(
                        f"{error} (tried {num_tries} times)", is_transient=True
                    ) from error
            self.num_retries += 1
            self.waited_s += wait_s
            time.sleep(wait_s)
        raise AssertionError("unreachable")
