"""The example of adding an algorithm: one file, named by an entry point, stands everywhere that our own do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "examples" / "nearest_centroid.py"


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which the example is an installed package of somebody else's."""
    site = tmp_path / "site"
    about = site / "centroids-1.0.dist-info"
    about.mkdir(parents=True)
    (site / "centroids.py").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: centroids\nVersion: 1.0\n", encoding="utf-8")
    point = "[ungated.algorithms]\nnearest_centroid = centroids:NearestCentroid\n"
    (about / "entry_points.txt").write_text(point, encoding="utf-8")
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}


def test_one_file_stands_in_the_plan_the_leaderboard_and_the_report(installed: dict[str, str], tmp_path: Path) -> None:
    fit = ["fit", "iris", "--algorithms", "nearest_centroid", "--candidates", "2", "--time", "30s", "--json"]
    command = [sys.executable, "-m", "ungated", *fit, "--out", str(tmp_path / "m")]
    done = subprocess.run(command, env=installed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert "nearest_centroid" in {line["algorithm"] for line in said["plan"]}
    ours = [e for e in said["leaderboard"] if e["id"] == "nearest_centroid"]
    assert ours[0]["era"] == "classical"
    assert ours[0]["error"] < 0.2
    assert said["error"]["value"] < said["error"]["baseline"]
    assert "nearest centroid" in (tmp_path / "m" / "report.html").read_text(encoding="utf-8")


def test_a_model_says_which_algorithm_it_lacks(installed: dict[str, str], tmp_path: Path) -> None:
    fit = ["fit", "iris", "--algorithms", "nearest_centroid", "--candidates", "2", "--time", "30s"]
    command = [sys.executable, "-m", "ungated"]
    subprocess.run([*command, *fit, "--out", str(tmp_path / "m")], env=installed, check=True, capture_output=True)
    asked = subprocess.run([*command, "predict", str(tmp_path / "m"), "iris"], capture_output=True, text=True)
    assert asked.returncode == 2
    assert "nearest_centroid" in asked.stderr
