"""What is quick to load stays so."""

import subprocess
import sys


def test_declarations_and_checks_load_no_pandera():
    code = (
        "import sys, schemas.checks, schemas.keys, schemas.metadata, schemas.tables;"
        "print([name for name in ('pandera', 'pandas', 'torch', 'ray') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
