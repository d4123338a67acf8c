"""Not kept from Prefect 1: importing this says what to use instead."""

from interlock._gone import NAMES, sentence

raise ImportError(sentence("interlock", "client", NAMES["client"]), name="interlock.client")
