"""Remove what can be made again. The learner's progress lives elsewhere and stays."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = [".venv", ".venv-vllm", ".pytest_cache", ".ruff_cache", ".hypothesis", "artefacts", "build"]

for folder in [
    *(ROOT / name for name in NAMES),
    *ROOT.glob("*.egg-info"),
    *(found for found in ROOT.rglob("__pycache__") if ".venv" not in found.parts),
    *(found for found in ROOT.rglob(".ipynb_checkpoints") if ".venv" not in found.parts),
]:
    if folder.exists():
        shutil.rmtree(folder)
        print(f"removed {folder.relative_to(ROOT)}")
