"""Every named cell is a link target.

A patch until MyST-NB gives cells an address of their own: https://github.com/executablebooks/MyST-NB/issues/310.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.transforms import SphinxTransform


class NameCells(SphinxTransform):
    """Give every cell that has a name the id of that name: verdicts link to their proof, and text to a cell."""

    default_priority = 870  # before MyST looks for the targets of links, at 879

    def apply(self) -> None:
        """Name the cells of a page."""
        for cell in self.document.findall(nodes.container):
            name = cell.get("cell_metadata", {}).get("name")
            if name:
                cell["ids"].append(name)
                self.document.ids[name] = cell
                self.document.nameids[name] = name
                self.document.nametypes[name] = True
