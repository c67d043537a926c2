"What makes the pages of the docs site; it reads the map of the project from tools/house.py"
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]/'tools'))
