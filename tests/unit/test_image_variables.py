"""Dockerfile.build repeats the defaults of config.py for `docker inspect` to show; here they are compared."""

import re
from pathlib import Path

from reduction.app import config

DOCKERFILE = Path(__file__).parents[2] / "Dockerfile.build"
FOLDERS = {"REDUCER_INPUT_DIR": "/app/inbound", "REDUCER_OUTPUT_DIR": "/app/outbound"}
WORKED_OUT = {"REDUCER_LOW_RUNNER"} | {v.name for v in config.VARIABLES if v.computed is not None}


def of_the_image():
    instructions = [line for line in DOCKERFILE.read_text("utf-8").splitlines() if not line.startswith("#")]
    pairs = re.findall(r"\b(REDUCER_\w+|LOG_LEVEL)=(?:\"([^\"]*)\"|(\S*))", "\n".join(instructions))
    return {name: quoted or plain for name, quoted, plain in pairs}


def test_the_image_has_every_variable_with_its_default_but_those_worked_out_at_the_start():
    defaults = {v.name: v.default for v in config.VARIABLES if v.name not in WORKED_OUT}
    assert of_the_image() == defaults | FOLDERS
