"For all tests: no network, and pictures drawn without a window"
import os

import no_network

os.environ.setdefault('MPLBACKEND', 'Agg')
no_network.block()
