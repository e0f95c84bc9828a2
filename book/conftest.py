"""nbval runs the chapters under the same conditions as the render step."""

import os

from gaplab.rendering import KERNEL_ENVIRONMENT

os.environ.update(KERNEL_ENVIRONMENT)
