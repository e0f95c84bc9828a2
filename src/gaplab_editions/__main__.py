"""``nox -s translate``: bring the catalogues up to the built English pages, and say what is to be looked at.

After ``--`` stand pages, such as ``01_parameter_count``: then only theirs are touched, and each is shown as far as it
is translated, in the built site. Without them all catalogues are brought up.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gaplab_editions import LANGUAGE, built_pages
from gaplab_editions.catalogues import KIT, SITE, Edition, faults, words_in
from gaplab_editions.pages import Maker


def owned(maker: Maker) -> dict[str, dict[str, str]]:
    """Say which catalogue each message goes to: to the first that has it, so that it is translated once.

    What stands around pages comes before pages, texts before the states of widgets, and modules of widgets last; what
    several modules say goes to the one of their kit.
    """
    slugs: dict[str, list[str]] = {}
    for name, entries in maker.found.items():
        if name.startswith("widgets/"):
            for key in entries:
                slugs.setdefault(key, []).append(name)
    seen: set[str] = set()
    result: dict[str, dict[str, str]] = {}
    order = sorted(maker.found, key=lambda name: (name != SITE, name.startswith("widgets/")))
    for source in (*((name, maker.found[name]) for name in order), *maker.stated.items()):
        name, entries = source
        for key, example in entries.items():
            if key not in seen:
                seen.add(key)
                home = KIT if len(slugs.get(key, ())) > 1 and name.startswith("widgets/") else name
                result.setdefault(home, {})[key] = example
    return result


def main(arguments: list[str] | None = None) -> int:
    """Merge, and print each catalogue's coverage and faults."""
    parser = argparse.ArgumentParser(prog="nox -s translate --", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="*", help="pages, such as 01_parameter_count; all if none is named")
    parser.add_argument("--site", type=Path, default=Path("_build/html"))
    parser.add_argument("--catalogues", type=Path, default=Path("translations") / LANGUAGE)
    options = parser.parse_args(arguments)
    edition = Edition.read(options.catalogues)
    english = built_pages(options.site)
    if not english:
        print("The site is not built: run `nox -s book` first.", file=sys.stderr)
        return 1
    maker = Maker(edition, options.site, english)
    shown = {}
    for page in maker.pages:
        made = maker.page(page, whole=True)
        if page.removesuffix(".html") in options.pages:
            shown[page] = made
    maker.around()
    wanted = owned(maker)
    if unknown := set(options.pages) - set(wanted):
        print(f"There is no catalogue {', '.join(sorted(unknown))}: choose of {', '.join(wanted)}.", file=sys.stderr)
        return 1
    everywhere = maker.known()
    for name in options.pages or sorted({*wanted, *edition.catalogues}):
        held = edition.catalogues.get(name)
        # A page may say otherwise, in its own catalogue, what another page says too.
        own = {key: key for key in sorted(everywhere.get(name, ())) if held and held.get(key)}
        here = wanted.get(name, {})
        edition.merge(name, here | {key: text for key, text in own.items() if key not in here})
    done = total = 0
    for name in sorted({*wanted, *edition.catalogues}):
        entries = [entry for entry in edition.catalogues.get(name, ()) if entry.id]
        ready = [entry for entry in entries if entry.string and not entry.fuzzy]
        said, all_of = (sum(words_in(str(entry.id)) for entry in some) for some in (ready, entries))
        done, total = done + said, total + all_of
        listed = " (listed as translated)" if name in edition.translated else ""
        print(f"{name}: {len(ready)} of {len(entries)} messages, {said} of {all_of} words{listed}")
        for entry in entries:
            if entry.fuzzy:
                print(f"  look again: {entry.id}")
            elif entry.string:
                for fault in faults(str(entry.id), str(entry.string), name.startswith("widgets/")):
                    print(f"  {fault} in: {entry.string}")
    print(f"{done} of {total} English words are translated.")
    for page, made in shown.items():
        path = options.site / LANGUAGE / page
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made, encoding="utf-8")
        print(f"Look at {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
