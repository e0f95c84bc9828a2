"""The repository's address: one line of ``_config.yml`` turns on all that needs one."""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.config import Config


def publish(app: Sphinx, config: Config) -> None:
    """Turn on buttons, absolute addresses and the sitemap where a repository is named; else none of them shows."""
    config.ogp_site_name = config.html_title
    address = config.gaplab_repository.rstrip("/")
    if not address:
        return
    owner, name = address.split("/")[-2:]
    config.html_theme_options |= {
        "repository_url": address,
        "repository_branch": "main",
        "path_to_docs": "book",
        "use_edit_page_button": True,
        "use_repository_button": True,
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
            "notebook_interface": "jupyterlab",
        },
    }
    config.html_baseurl = f"https://{owner.lower()}.github.io/{name}/"
    config.ogp_site_url = config.html_baseurl
    config.ogp_image = config.html_baseurl + config.ogp_image
    app.setup_extension("sphinx_sitemap")
    config.sitemap_url_scheme = "{link}"
