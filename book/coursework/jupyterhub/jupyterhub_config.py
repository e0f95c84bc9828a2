"""The book's course on JupyterHub: students fetch and submit in JupyterLab, the instructor releases and collects.

Every person is an account of the machine, so that the exchange can keep submissions apart. Set the two lists, choose an
authenticator (https://jupyterhub.readthedocs.io, "Authenticators"), put TLS in front, and start:

    GAPLAB_HUB_INSTRUCTOR=teacher GAPLAB_HUB_STUDENTS=ada,ben jupyterhub --config jupyterhub_config.py
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = Path(os.environ.get("GAPLAB_HUB_HOME", "/srv/gaplab"))
INSTRUCTOR = os.environ.get("GAPLAB_HUB_INSTRUCTOR", "teacher")
STUDENTS = [name for name in os.environ.get("GAPLAB_HUB_STUDENTS", "").split(",") if name]
BIN = Path(sys.executable).parent

c = get_config()  # noqa: F821 (JupyterHub defines it)

# Loopback only: a web server with TLS stands in front of it.
c.JupyterHub.bind_url = os.environ.get("GAPLAB_HUB_URL", "http://127.0.0.1:8000")
c.JupyterHub.hub_bind_url = os.environ.get("GAPLAB_HUB_INNER_URL", "http://127.0.0.1:8081")
c.ConfigurableHTTPProxy.api_url = os.environ.get(
    "GAPLAB_HUB_PROXY_URL", "http://127.0.0.1:8001"
)
c.JupyterHub.cookie_secret_file = str(HOME / "hub" / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{HOME / 'hub' / 'jupyterhub.sqlite'}"
c.ConfigurableHTTPProxy.pid_file = str(HOME / "hub" / "proxy.pid")
if "GAPLAB_HUB_PROXY" in os.environ:
    c.ConfigurableHTTPProxy.command = [os.environ["GAPLAB_HUB_PROXY"]]

c.Authenticator.allowed_users = {INSTRUCTOR, *STUDENTS}
c.Spawner.cmd = [str(BIN / "jupyterhub-singleuser")]
c.Spawner.default_url = "/lab"
c.Spawner.environment = {
    "JUPYTER_CONFIG_PATH": str(HERE),
    "GAPLAB_HUB_HOME": str(HOME),
    "GAPLAB_HUB_INSTRUCTOR": INSTRUCTOR,
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
}


def by_role(spawner):
    """Give the formgrader to the instructor only, whose files are the course: the formgrader asks for that."""
    formgrader = spawner.user.name == INSTRUCTOR
    spawner.notebook_dir = str(HOME / "course") if formgrader else "~"
    spawner.args = [
        f"--ServerApp.jpserver_extensions=nbgrader.server_extensions.formgrader={formgrader}"
    ]


c.Spawner.pre_spawn_hook = by_role

if "GAPLAB_HUB_TOKEN" in os.environ:
    # For scripts, such as try_hub.py: start servers and speak to them in their users' names.
    c.JupyterHub.services = [{"name": "script", "api_token": os.environ["GAPLAB_HUB_TOKEN"]}]
    c.JupyterHub.load_roles = [
        {
            "name": "script",
            "services": ["script"],
            "scopes": ["admin:users", "admin:servers", "access:servers", "tokens"],
        }
    ]
