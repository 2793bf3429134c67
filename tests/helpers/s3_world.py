"""A bucket for tests. Input objects exist in a folder, too: a run on the folder gives the expected result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faulty_proxy import FaultyProxy
from workdir import Outcome, Running, Workdir

ACCESS_KEY = "AKIAEXAMPLEOFAKEY123"
FTP_PASSWORD = "s3cret-of-ftp"
SECRET_KEY = "sEcReTkEyOfThEtEsTs/not+in+any+log"


class World:
    """A bucket behind a proxy, and a `Workdir` in which the application runs; `s3` bypasses the proxy."""

    def __init__(self, workdir: Workdir, s3: Any, bucket: str, proxy: FaultyProxy) -> None:
        self.workdir = workdir
        self.s3 = s3
        self.bucket = bucket
        self.proxy = proxy
        self.tree = f"s3://{bucket}/in"
        self.out = f"s3://{bucket}/out"
        workdir.set(input_dir=self.tree, output_dir=self.out, engine="native", runners=2)

    def csv(self, name: str, *lines: str) -> None:
        """Create an input object with these lines, and a file of the same name."""
        self.file(name, "".join(line + "\n" for line in lines).encode())

    def file(self, name: str, content: bytes) -> None:
        """Create an input object with this content, and a file of the same name."""
        self.workdir.file(name, content)
        self.put(f"in/{name}", content)

    def put(self, key: str, content: bytes) -> None:
        """Create an object anywhere in the bucket."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def get(self, key: str) -> bytes | None:
        """Return the bytes of an object; None if it does not exist."""
        try:
            return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return None

    def listed(self, prefix: str = "out/") -> list[str]:
        """Return the keys below a prefix, without it."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"][len(prefix) :] for page in pages for entry in page.get("Contents", ())]

    @property
    def combined(self) -> bytes | None:
        """The bytes of the result; None if there is none."""
        return self.get("out/Combined.csv")

    def start(self, *options: str, **variables: object) -> Running:
        """Start `python reducer.py` on the bucket."""
        return self.workdir.start("reducer.py", *options, **variables)

    def reduce(self, *options: str, **variables: object) -> Outcome:
        """Run it to its end."""
        return self.start(*options, **variables).finish()

    def succeeds(self, *options: str, **variables: object) -> Outcome:
        """Run it to its end and check that the exit code is 0."""
        outcome = self.reduce(*options, **variables)
        assert outcome.exit_code == 0, outcome.stderr
        return outcome

    def of_folders(self, **variables: object) -> bytes | None:
        """Return the result of the same files in a folder."""
        how = {"input_dir": self.workdir.input, "output_dir": self.workdir.output, "runners": 1}
        outcome = self.workdir.reduce(**(how | variables))
        assert outcome.exit_code == 0
        return outcome.combined_bytes

    def scratch_folders(self) -> list[Path]:
        """Return the private folders of running and killed runs."""
        return list((self.workdir.root / "tmp").iterdir())
