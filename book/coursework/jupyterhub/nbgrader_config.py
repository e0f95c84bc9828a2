"""nbgrader for everyone on the hub: one course, one exchange. Only the instructor has a course directory."""

import getpass
import os
from pathlib import Path

HOME = Path(os.environ.get("GAPLAB_HUB_HOME", "/srv/gaplab"))
INSTRUCTOR = os.environ.get("GAPLAB_HUB_INSTRUCTOR", "teacher")

c = get_config()  # noqa: F821 (nbgrader defines it)
c.CourseDirectory.course_id = "gaplab"
# Written by everyone, read only by its owner: `install -d -m 777 /srv/gaplab/exchange`.
c.Exchange.root = str(HOME / "exchange")
if getpass.getuser() == INSTRUCTOR:
    c.CourseDirectory.root = str(HOME / "course")
