"""The Debian base for machines without a registry."""

from __future__ import annotations

import subprocess

import pytest

from tests.containers import DOCKER, base_image, require_engine, run_sealed

__all__ = ["base_image"]
pytestmark = pytest.mark.docker

SCRIPT = str(DOCKER / "base-image")


def inside(image: str, command: str) -> str:
    done = run_sealed(image, "sh", "-c", command, mounts={})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_holds_python_with_venv_and_the_certificates_of_the_host(base_image: str) -> None:
    python = "import ssl, sys, venv, ensurepip; print(sys.version_info >= (3, 11))"

    assert inside(base_image, f'python3 -c "{python}"') == "True"
    assert int(inside(base_image, 'grep -c "BEGIN CERTIFICATE" "$PIP_CERT"')) > 0
    assert inside(base_image, 'test "$PIP_CERT" = "$SSL_CERT_FILE" && echo same') == "same"


def test_nothing_of_the_build_or_of_the_machine_is_left_in_it(base_image: str) -> None:
    leftovers = "find /var/lib/apt/lists /var/cache/apt /var/log /tmp /debootstrap ! -type d"

    assert inside(base_image, f"{leftovers} 2>/dev/null || true") == ""
    assert inside(base_image, "cat /etc/machine-id") == ""


def test_it_is_small(base_image: str) -> None:
    assert require_engine().images.get(base_image).attrs["Size"] < 150e6


def test_it_is_built_once(base_image: str) -> None:
    before = require_engine().images.get(base_image).id
    again = subprocess.run([SCRIPT, base_image], capture_output=True, text=True, check=True)

    assert "exists" in again.stderr
    assert require_engine().images.get(base_image).id == before


def test_help_says_what_it_does_and_a_wrong_option_is_refused() -> None:
    answered = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True)
    refused = subprocess.run([SCRIPT, "--frce"], capture_output=True, text=True, check=False)

    for word in ("debootstrap", "--force", "MIRROR", "SOURCE_DATE_EPOCH", "lln-base:bookworm"):
        assert word in answered.stdout
    assert refused.returncode == 2
