"""What can't work is said in one sentence before any work is done, with what to do."""

import re
import socket

import pytest
from workdir import KEY, ROOT, each

OLD = b"Source IP,Environment\n9.9.9.9,Old Prod\n"
BAD_KEY = "<Error><Code>InvalidAccessKeyId</Code><Message>no such key</Message></Error>"


def said(outcome, code: int) -> str:
    assert outcome.exit_code == code
    assert "Traceback" not in outcome.stderr
    return outcome.stderr.partition(" - ERROR: ")[2]


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")


@pytest.fixture
def one(world):
    world.csv("Asia Prod.csv", KEY, "1.1.1.1")
    world.put("out/Combined.csv", OLD)
    return world


@each(
    "address", "sentence",
    nothing_below=("s3://{}/nowhere", "no object is below it; correct REDUCER_INPUT_DIR"),
    an_object_is_no_folder=("s3://{}/in/Asia Prod.csv", "no object is below it"),
    a_prefix_ends_at_a_slash=("s3://{}/i", "no object is below it"),
    no_bucket=("s3://{}-not", r"there is no such bucket \(404 NoSuchBucket\): correct the address"),
)  # fmt: skip
def test_an_input_that_is_not_there_is_exit_code_1(one, address, sentence):
    address = address.format(one.bucket)
    message = said(one.reduce(input_dir=address), 1)
    assert re.search(sentence, message)
    assert address in message
    assert one.listed() == ["Combined.csv"]


@each("which", "code", input=("input", 1), output=("output", 2))
@each(
    "environment", "sentence",
    none=({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "no credentials were found: set AWS_A"),
    half_of_them=({"AWS_SECRET_ACCESS_KEY": None}, "the credentials are not complete"),
    no_profile=({"AWS_PROFILE": "nobody"}, "no such profile: correct AWS_PROFILE"),
    no_endpoint=({"AWS_ENDPOINT_URL": "http://127.0.0.1:{port}"}, "can't be reached: check network"),
    nonsense=({"AWS_ENDPOINT_URL": "not an address"}, "the endpoint is none: correct AWS_ENDPOINT_URL"),
)  # fmt: skip
def test_a_store_that_lets_nobody_in_is_reported(one, monkeypatch, which, code, environment, sentence):
    for name, value in environment.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value.format(port=closed_port()))
    how = {"output_dir": one.workdir.output} if which == "input" else {"input_dir": one.workdir.input}
    message = said(one.reduce(**how), code)
    assert sentence in message
    assert one.combined == OLD


@each(
    "status", "body", "sentence",
    rejected=(403, BAD_KEY, "the credentials are rejected (403 InvalidAccessKeyId): renew or correct them"),
    denied=(403, "", "access denied (403): this user must be allowed to list, get, put and delete objects"),
    failing=(500, "", "the store kept failing (500): run again later"),
)  # fmt: skip
@each(
    "method",
    "path",
    "code",
    input=("GET", "list-type=2", 1),
    output=("PUT", "probe", 2),
    remove=("DELETE", "probe", 2),
)
def test_a_rejection_of_the_store_is_reported(one, method, path, code, status, body, sentence):
    one.proxy.add(method, path, status=status, body=body)
    message = said(one.reduce(), code)
    assert sentence in message
    assert one.combined == OLD
    assert [request for request in one.proxy.requests if "Asia Prod" in request] == [], "nothing was read"


@each(
    "variables", "code", "sentence",
    output_bucket=({"output_dir": "s3://no-such-bucket-here/out"}, 2, "there is no such bucket"),
    no_bucket=({"input_dir": "s3://"}, 3, "must be s3://BUCKET/PREFIX"),
    credentials=({"input_dir": "s3://key:verysecret@bucket/in"}, 3, "credentials do not belong in it"),
    unknown_scheme=({"input_dir": "gopher://host/in"}, 3, "fsspec knows no gopher://"),
    missing_package=({"input_dir": "gs://bucket/in"}, 3, "pip install 'fsspec[gs]'"),
)  # fmt: skip
def test_an_address_that_can_not_work_is_reported(one, variables, code, sentence):
    message = said(one.reduce(**variables), code)
    assert sentence in message
    assert "verysecret" not in message
    assert one.combined == OLD


@each("module", "address", s3=("boto3", "s3://bucket/in"), fsspec=("fsspec", "file:///in"))
def test_a_client_that_is_not_installed_is_exit_code_3_with_the_command(one, module, address):
    runner = one.workdir.root / "without.py"
    runner.write_text(
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.modules[{module!r}] = None\n"
        "import reducer; raise SystemExit(reducer.main([]))\n"
    )
    outcome = one.workdir.start(str(runner), input_dir=address).finish()
    assert f"needs {module}: pip install {module}" in said(outcome, 3)


def test_a_profile_of_the_ecosystems_own_files_is_enough(one, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name)
    endpoint = f"http://127.0.0.1:{one.proxy.port}"
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    (one.workdir.root / "config").write_text(
        f"[profile night]\nregion = eu-west-1\nendpoint_url = {endpoint}\n"
    )
    (one.workdir.root / "credentials").write_text(
        "[night]\naws_access_key_id = a\naws_secret_access_key = b\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(one.workdir.root / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(one.workdir.root / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "night")
    one.succeeds()
    assert one.combined == one.of_folders()


@each(
    "environment", "region",
    of_most_sdks=({"AWS_REGION": "eu-west-3"}, "eu-west-3"),
    of_python=({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
    both=({"AWS_DEFAULT_REGION": "eu-west-2", "AWS_REGION": "eu-west-3"}, "eu-west-3"),
)  # fmt: skip
def test_the_region_is_that_of_either_variable(one, monkeypatch, environment, region):
    monkeypatch.delenv("AWS_REGION")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    one.succeeds()
    assert all(f"/{region}/s3/aws4_request" in signed for signed in one.proxy.signed)


def test_a_session_token_goes_with_every_request(one, monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a-token")
    one.succeeds()
    assert all("x-amz-security-token" in signed for signed in one.proxy.signed)


def test_the_endpoint_of_s3_alone_is_taken(one, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{one.proxy.port}")
    one.succeeds()
    assert one.combined == one.of_folders()
