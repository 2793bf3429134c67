"""No key, no password and no signature in anything that is said or written, whatever a server answers."""

import pytest
from s3_world import ACCESS_KEY, SECRET_KEY
from workdir import KEY, each

TOKEN = "sessiontokenofthetests/0123456789"
SECRETS = (ACCESS_KEY, SECRET_KEY, TOKEN, "Signature=", "AWS4-HMAC")
BODY = f"<Error><Code>{{}}</Code><Message>{' '.join(SECRETS)}</Message></Error>"


@pytest.fixture
def talkative(world, monkeypatch):
    """A run that says all it can."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    world.csv("Asia Prod.csv", KEY, "1.1.1.1", "oops")
    world.csv("EU Prod.csv", KEY, "2.2.2.2")
    world.workdir.set(log_level="DEBUG")
    return world


def everything(world, *outcomes) -> str:
    """All that was said, and all that was written anywhere."""
    said = [outcome.stdout + outcome.stderr for outcome in outcomes]
    written = [world.get(f"out/{name}").decode("latin-1") for name in world.listed()]
    written += [path.read_text("latin-1") for path in world.workdir.root.rglob("*") if path.is_file()]
    return "\n".join(said + written)


def has_no_secret(text: str) -> bool:
    return [secret for secret in SECRETS if secret in text] == []


def test_a_good_run_of_many_nodes_says_no_secret(talkative):
    outcomes = [
        talkative.reduce(mode="reduce", low=1, high=1),
        talkative.reduce(mode="reduce", low=2, high=2),
    ]
    partials = everything(talkative)
    outcomes += [talkative.reduce(mode="collect"), talkative.reduce("--explain")]
    assert [outcome.exit_code for outcome in outcomes] == [0, 0, 0, 0]
    assert has_no_secret(partials + everything(talkative, *outcomes))


@each(
    "status", "code",
    forbidden=(403, "AccessDenied"),
    expired=(403, "ExpiredToken"),
    error_of_an_odd_code=(500, SECRET_KEY),
    rejection_of_an_odd_code=(400, ACCESS_KEY),
)  # fmt: skip
@each(
    "method", "path",
    listing=("GET", "list-type"), reading=("GET", "EU Prod"), probing=("PUT", "probe"),
    putting=("PUT", r"out/Combined"), putting_a_partial=("PUT", r"Combined_1"), removing=("DELETE", "."),
)  # fmt: skip
def test_a_server_that_repeats_secrets_is_not_repeated(talkative, method, path, status, code):
    talkative.proxy.add(method, path, status=status, body=BODY.format(code))
    mode = "reduce" if "_1" in path else "reduce_collect"
    outcome = talkative.reduce("--inline", mode=mode, runners=1)
    assert has_no_secret(everything(talkative, outcome))
    assert outcome.exit_code != 70


def test_an_object_of_a_secrets_name_is_named_all_the_same(talkative):
    """It is the input's own, and nothing that we were given to keep."""
    talkative.csv(f"{ACCESS_KEY}/EU Prod.csv", KEY, "oops")
    assert ACCESS_KEY in talkative.reduce().stderr
