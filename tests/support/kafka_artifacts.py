"""Apache Kafka as Maven artifacts: fetched once into the repository's cache, whatever runs in parallel."""

import fcntl
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "kafka"
OLDEST_JAVA = 17
#: Seconds that Maven may take; it takes 5 to 20.
FETCH_DEADLINE = 600

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>broker</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{version}</version>
</dependency></dependencies></project>
"""


class NoArtifacts(Exception):
    """Kafka can't be had here; the sentence says what is missing."""


def why_not() -> str | None:
    """What is missing on this machine, None when a broker can be started."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None:
        return f"no java: install a Java {OLDEST_JAVA} runtime"
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', shown)
    if found is None or int(found[1]) < OLDEST_JAVA:
        return f"java is older than {OLDEST_JAVA}"
    return None if maven is not None or any(CACHE.glob("*/lib/kafka_*.jar")) else "no mvn: install Maven"


def libraries(version: str) -> Path:
    """The folder with Kafka's jars, fetched when it is not there yet.

    Raises:
        NoArtifacts: Maven is missing or fails.
    """
    target = CACHE / version / "lib"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():
            _fetch(version, target)
    return target


def _fetch(version: str, target: Path) -> None:
    if (problem := why_not()) is not None:
        raise NoArtifacts(problem)
    sys.stderr.write(f"fetching Apache Kafka {version} by Maven …\n")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        Path(folder, "pom.xml").write_text(_POM.format(version=version), encoding="utf-8")
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib", "-DincludeScope=runtime"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCH_DEADLINE, check=False)
        if done.returncode != 0:
            raise NoArtifacts(f"Maven could not fetch Kafka {version}: {done.stdout[-500:]}")
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(folder, "lib").rename(target)
