"""Apache Kafka as Maven artifacts: fetched once into the repository's cache, whatever runs in parallel."""

import fcntl
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "kafka"
#: Kafka 4 brokers start on nothing older; 3.9 ones do, but one rule is easier to follow.
OLDEST_JAVA = 17
#: Seconds that Maven may take; it takes 5 to 20.
FETCH_WITHIN = 600

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>broker</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
</dependency><dependency>
<groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>{slf4j}</version>
</dependency></dependencies></project>
"""
#: The series that Kafka 3.9 and 4 bring along; without this a broker that can't start says nothing about why.
_SLF4J = "1.7.36"


class NoArtifacts(Exception):
    """Kafka can't be had here; the sentence says what is missing and what to install."""


def libraries(version: str) -> Path:
    """The folder with the jars of that Kafka, fetched when it is not there yet.

    Raises:
        NoArtifacts: Java is missing or too old, or the jars are not there and Maven is missing or fails.
    """
    _need_java()
    target = CACHE / version / "lib"
    if not target.is_dir():
        with _alone():
            if not target.is_dir():
                _fetch(version, target)
    return target


def _need_java() -> None:
    java = shutil.which("java")
    if java is None:
        raise NoArtifacts(f"there is no java on the PATH: install a runtime of Java {OLDEST_JAVA} or newer")
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', shown)
    if found is None or int(found[1]) < OLDEST_JAVA:
        raise NoArtifacts(f"{java} is not Java {OLDEST_JAVA} or newer, it says: {shown.strip()[:80]}")


@contextmanager
def _alone() -> Iterator[None]:
    """Only one process at a time fetches; the lock falls with its holder."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another run is fetching Apache Kafka, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(version: str, target: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NoArtifacts(f"there is no mvn on the PATH to fetch Apache Kafka {version}: install Maven")
    _say(f"fetching Apache Kafka {version} with Maven (45 MB, once) ...")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        Path(folder, "pom.xml").write_text(_POM.format(version=version, slf4j=_SLF4J), encoding="utf-8")
        command = [maven, "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
        try:
            done = subprocess.run(
                [*command, "-DincludeScope=runtime"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=FETCH_WITHIN,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NoArtifacts(f"Maven has not fetched Kafka {version} within {FETCH_WITHIN} s") from None
        if done.returncode != 0:
            raise NoArtifacts(f"Maven can't fetch Kafka {version}: {(done.stdout + done.stderr).strip()[:600]}")
        target.parent.mkdir(parents=True, exist_ok=True)
        # Only a complete folder ever has the final name.
        Path(folder, "lib").rename(target)
    _say(f"Apache Kafka {version} is in {target.relative_to(CACHE.parents[1])}")


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
