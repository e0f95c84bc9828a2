"""The vote explorer: what appears is what the arrays hold and adds up, by mouse, finger, key and from Python."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bench import HEIGHT, KINDS, NAMES, PHOTOGRAPHS, POOLS, WIDTH, saved, static_page, vote_explorer
from playwright.sync_api import Locator, Page, expect

from gaplab import data, models, weights
from gaplab.widgets import VotedPhotograph, VoteExplorer

pytestmark = pytest.mark.browser


@pytest.fixture
def mounted(mount: Any) -> Page:
    """The widget, rendered on a strict model that is ``model``; ``cleanup`` ends it."""
    return mount(vote_explorer())


def number(text: str) -> Decimal:
    return Decimal(text.strip().replace("−", "-"))


def texts(root: Page | Locator, selector: str) -> list[str]:
    return [text.strip() for text in root.locator(selector).all_text_contents()]


def check(root: Page | Locator, given: VotedPhotograph, category: int, pool: str, cell: int | None) -> None:
    """Compare all that is shown with the arrays, and the shown numbers with one another, to the last digit."""
    all_votes = getattr(given, pool)
    votes, bias = all_votes[category].ravel(), given.bias[category]
    shown = [number(text) for text in texts(root, ".spot")]
    assert [float(vote) for vote in shown] == pytest.approx(votes.tolist(), abs=0.0011)
    assert all(float(a) * b >= 0 for a, b in zip(shown, votes, strict=True))

    more, less, shown_bias, logit = (number(text) for text in texts(root, ".sum .value"))
    assert sum(shown) + shown_bias == logit  # what a reader gets who adds up all the numbers
    assert sum(vote for vote in shown if vote > 0) == more
    assert sum(vote for vote in shown if vote < 0) == less
    assert float(logit) == pytest.approx(votes.sum() + bias, abs=0.00051)
    assert float(shown_bias) == pytest.approx(bias, abs=0.00051)
    fors, againsts = (int(text.removeprefix("from ")) for text in texts(root, ":is(.more, .less) .count"))
    assert (fors, againsts) == ((votes > 0).sum(), (votes < 0).sum())

    logits = [float(number(text)) for text in texts(root, ".kind .logit")]
    assert logits == pytest.approx((all_votes.sum(axis=(1, 2)) + given.bias).tolist(), abs=0.00051)
    expect(root.locator(".kind .name")).to_have_text(list(given.classes))
    wrong = root.locator(".kind").evaluate_all("(all) => all.map((one) => one.classList.contains('wrong'))")
    assert wrong == [False] * (len(given.classes) - 1) + [True]
    expect(root.get_by_role("radio", name="(wrong)")).to_have_count(1)
    checked = root.locator(".kind input").evaluate_all("(all) => all.map((one) => one.checked)")
    assert checked == [k == category for k in range(len(given.classes))]
    expect(root.locator(".pool:has(:checked) .name")).to_have_text(pool.capitalize())
    expect(root.locator(".photograph:has(:checked) .name")).to_have_text(given.name)

    rows = [texts(row, "td") for row in root.locator(".pools-table tbody tr").all()]
    for column, of in enumerate(POOLS):
        other = getattr(given, of)[category].ravel()
        positive = np.sort(other[other > 0])[::-1]
        running = positive.cumsum()
        fewest = next((n for n, sum_ in enumerate(running, 1) if 2 * sum_ >= running[-1] - 1e-9), 0)
        voting, half, largest, its_logit = (row[column] for row in rows)
        assert voting == f"{(other != 0).sum()} of {other.size}"
        assert int(half) == pytest.approx(fewest, abs=1)  # rounding may tip the balance at a position
        assert float(number(largest)) == pytest.approx(other.max(), abs=0.0011)
        assert float(number(its_logit)) == pytest.approx(other.sum() + bias, abs=0.00051)

    if cell is None:
        return
    row, column = divmod(cell, all_votes.shape[2])
    vote = number(root.locator(".one .vote").inner_text())
    assert vote == shown[cell]
    expect(root.locator(".one .place")).to_have_text(f"row {row + 1}, column {column + 1}")
    share = root.locator(".one .share").inner_text()
    if vote:
        same = votes[np.sign(votes) == np.sign(votes[cell])].sum()
        assert share.endswith("% of the votes for" if vote > 0 else "% of the votes against")
        assert float(share.split()[0]) == pytest.approx(100 * votes[cell] / same, abs=0.3)
    else:
        assert share == "under 0.001 either way"
    chosen = root.locator(".spot[aria-selected=true]")
    expect(chosen).to_have_count(1)
    label = f"row {row + 1}, column {column + 1}: {root.locator('.one .vote').inner_text()}, {share}"
    expect(chosen).to_have_attribute("aria-label", label)
    assert root.locator(".spot[tabindex='0']").count() == 1


def check_made(page: Page, photograph: int = 0, category: int = 0, pool: str = "average", cell: int = 9) -> None:
    """Check all that is shown of the made photographs, and the sentence with Python's."""
    said = vote_explorer(photograph=photograph, category=category, pool=pool, cell=cell).describe()
    expect(page.locator(".result")).to_have_text(said)
    check(page, PHOTOGRAPHS[photograph], category, pool, cell)


def middle(page: Page, cell: int) -> tuple[float, float]:
    """Middle of a cell in the window."""
    page.locator(".cells").scroll_into_view_if_needed()
    box = page.locator(".spot").nth(cell).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_first_state(mounted: Page) -> None:
    check_made(mounted)
    assert saved(mounted) == []


def test_every_state_equals_python(mounted: Page) -> None:
    states = [
        {"photograph": p, "category": k, "pool": pool, "cell": (11 * p + 5 * k + q) % (HEIGHT * WIDTH)}
        for p in range(len(PHOTOGRAPHS))
        for k in range(KINDS)
        for q, pool in enumerate(POOLS)
    ]
    for state in states:
        mounted.evaluate("(state) => model.fromPython(state)", state)
        check_made(mounted, **state)
    assert saved(mounted) == []


def test_every_cell_equals_python(mounted: Page) -> None:
    for pool in POOLS:
        sentences = mounted.evaluate(
            """([pool, count]) => Array.from({ length: count }, (_, cell) => {
              model.fromPython({ pool, cell });
              return document.querySelector(".result").textContent;
            })""",
            [pool, HEIGHT * WIDTH],
        )
        assert sentences == [vote_explorer(pool=pool, cell=cell).describe() for cell in range(HEIGHT * WIDTH)]


def test_pointing_at_a_cell_chooses_it(mounted: Page) -> None:
    for cell in (0, WIDTH - 1, 17, HEIGHT * WIDTH - 1):
        mounted.mouse.move(*middle(mounted, cell))
        check_made(mounted, cell=cell)
    assert saved(mounted) == [{"cell": cell} for cell in (0, WIDTH - 1, 17, HEIGHT * WIDTH - 1)]
    mounted.mouse.move(1, 1)  # outside: the last one stays
    check_made(mounted, cell=HEIGHT * WIDTH - 1)


def test_a_finger_taps_and_slides(mounted: Page) -> None:
    client = mounted.context.new_cdp_session(mounted)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    touch("touchStart", middle(mounted, 24))
    touch("touchEnd")
    check_made(mounted, cell=24)
    x, y = middle(mounted, 15)
    touch("touchStart", (x, y))
    for step in range(1, 5):
        touch("touchMove", (x + step * (middle(mounted, 18)[0] - x) / 4, y))
    touch("touchEnd")
    check_made(mounted, cell=18)
    # A finger that goes up or down scrolls the page, which on a telephone the map would else block.
    assert mounted.evaluate("getComputedStyle(document.querySelector('.cells')).touchAction") == "pan-y"


def test_arrow_keys_walk_over_the_map_and_stop_at_its_border(mounted: Page) -> None:
    mounted.locator(".spot[tabindex='0']").focus()
    for key, cell in [
        ("ArrowRight", 10), ("ArrowDown", 17), ("ArrowLeft", 16), ("ArrowUp", 9), ("ArrowUp", 2), ("ArrowUp", 2),
        ("Home", 0), ("ArrowLeft", 0), ("End", WIDTH - 1), ("ArrowRight", WIDTH - 1),
    ]:  # fmt: skip
        mounted.keyboard.press(key)
        check_made(mounted, cell=cell)
        assert mounted.evaluate("[...document.querySelectorAll('.spot')].indexOf(document.activeElement)") == cell
    mounted.mouse.move(*middle(mounted, 20))  # the focus follows, and the keys go on from there
    mounted.keyboard.press("ArrowDown")
    check_made(mounted, cell=20 + WIDTH)


def test_everything_by_keyboard_alone(mounted: Page) -> None:
    mounted.keyboard.press("Tab")
    expect(mounted.get_by_role("radio", name=NAMES[0], exact=True)).to_be_focused()
    mounted.keyboard.press("ArrowRight")
    check_made(mounted, photograph=1)
    mounted.keyboard.press("Tab")
    mounted.keyboard.press("ArrowRight")
    check_made(mounted, photograph=1, pool="maximum")
    mounted.keyboard.press("Tab")
    mounted.keyboard.press("ArrowDown")
    check_made(mounted, photograph=1, pool="maximum", cell=9 + WIDTH)
    for box, style, wanted in (
        ("Numbers", "color", "rgba(0, 0, 0, 0)"),
        ("Colours", "backgroundColor", "rgba(0, 0, 0, 0)"),
    ):
        mounted.keyboard.press("Tab")
        expect(mounted.get_by_role("checkbox", name=box)).to_be_focused()
        before = mounted.evaluate(f"getComputedStyle(document.querySelector('.spot[data-sign=\"1\"]')).{style}")
        mounted.keyboard.press("Space")
        after = mounted.evaluate(f"getComputedStyle(document.querySelector('.spot[data-sign=\"1\"]')).{style}")
        assert before != after == wanted
    mounted.keyboard.press("Tab")
    mounted.keyboard.press("ArrowDown")
    check_made(mounted, photograph=1, category=1, pool="maximum", cell=9 + WIDTH)
    assert saved(mounted) == [{"photograph": 1}, {"pool": "maximum"}, {"cell": 9 + WIDTH}, {"category": 1}]


def test_photograph_class_and_pool_by_mouse(mounted: Page) -> None:
    mounted.locator(".photograph").nth(4).click()
    mounted.locator(".kind").nth(KINDS - 1).click()
    check_made(mounted, photograph=4, category=KINDS - 1)
    assert "a wrong class" in (mounted.locator(".cells").get_attribute("aria-label") or "")
    expect(mounted.locator(".of-pool")).not_to_contain_text("not calibrated")
    mounted.get_by_text("Maximum", exact=True).first.click()
    check_made(mounted, photograph=4, category=KINDS - 1, pool="maximum")
    expect(mounted.locator(".of-pool")).to_contain_text("trained on averages, so this logit is not calibrated")
    for part in (".grey", ".lens", ".photograph:has(:checked) .picture"):
        assert vote_explorer().pictures[4] in (mounted.locator(part).get_attribute("style") or "")


def test_colours_are_on_one_symmetric_scale(mounted: Page) -> None:
    for pool in POOLS:
        mounted.evaluate("(pool) => model.fromPython({ pool, category: 3 })", pool)
        votes = getattr(PHOTOGRAPHS[0], pool)
        limit = np.abs(votes).max()
        for selector, sign in ((".scale .high", 1), (".scale .low", -1)):
            assert float(number(mounted.locator(selector).inner_text())) == pytest.approx(sign * limit, abs=0.0011)
        strength = mounted.locator(".spot").evaluate_all(
            "(all) => all.map((cell) => cell.dataset.sign * parseFloat(cell.style.getPropertyValue('--strength')))"
        )
        assert strength == pytest.approx((80 * votes[3].ravel() / limit).tolist(), abs=0.3)


def bars(page: Page) -> dict[str, Any]:
    """Ends of every bar in units of the sum, the zero line being 0 and the bar's whole width the axis."""
    return page.evaluate(
        """() => {
          const ends = (bar, part) => {
            const [a, b] = [bar.getBoundingClientRect(), part.getBoundingClientRect()];
            return [(b.left - a.left) / a.width, (b.right - a.left) / a.width];
          };
          const of = (key) => document.querySelector(`.sum .${key} .bar`);
          const parts = (key) => [...of(key).querySelectorAll(".part:not([hidden])")]
            .map((part) => [Number(part.dataset.cell), ...ends(of(key), part)]);
          const whole = (key) => ends(of(key), of(key).querySelector(".whole"));
          const zero = parseFloat(of("more").style.getPropertyValue("--zero")) / 100;
          return { more: parts("more"), less: parts("less"), bias: whole("bias"), logit: whole("logit"), zero };
        }"""
    )


@pytest.mark.parametrize("pool", POOLS)
def test_the_bars_are_a_waterfall_of_the_votes(mounted: Page, pool: str) -> None:
    mounted.evaluate("(pool) => model.fromPython({ pool, photograph: 2, category: 1 })", pool)
    given, drawn = PHOTOGRAPHS[2], bars(mounted)
    votes = getattr(given, pool)
    more, less = (np.where(sign * votes > 0, votes, 0).sum(axis=(1, 2)) for sign in (1, -1))
    ends = np.concatenate([0 * more, more, more + less, more + less + given.bias])
    span = ends.max() - ends.min()
    assert drawn["zero"] == pytest.approx(-ends.min() / span, abs=0.002)
    for key, sign, start in (("more", 1, 0.0), ("less", -1, more[1])):
        order = sorted(np.flatnonzero(sign * votes[1].ravel() > 0), key=lambda i: -abs(votes[1].flat[i]))
        parts = [part for part in drawn[key] if abs(votes[1].flat[part[0]]) > 0.003]
        assert [part[0] for part in parts] == order[: len(parts)]
        running = start
        for cell, left, right in parts:
            wanted = sorted((running, running + votes[1].flat[cell]))
            running += votes[1].flat[cell]
            assert [left, right] == pytest.approx([(end - ends.min()) / span for end in wanted], abs=0.004)
    logit = more[1] + less[1] + given.bias[1]
    assert drawn["logit"] == pytest.approx([(end - ends.min()) / span for end in sorted((0, logit))], abs=0.006)
    assert drawn["bias"][0] == pytest.approx((min(more[1] + less[1], logit) - ends.min()) / span, abs=0.006)


def test_pointing_at_a_part_of_the_bar_shows_where_it_comes_from(mounted: Page) -> None:
    cell = int(PHOTOGRAPHS[0].average[0].argmax())
    part = mounted.locator(f".part[data-cell='{cell}']")
    part.hover()
    check_made(mounted, cell=cell)
    assert part.get_attribute("data-chosen") == ""
    expect(mounted.locator(".part[data-chosen]")).to_have_count(1)


def test_the_chosen_position_keeps_the_colours_of_the_photograph(mounted: Page) -> None:
    for cell in (0, 11, HEIGHT * WIDTH - 1):
        mounted.evaluate("(cell) => model.fromPython({ cell })", cell)
        lens, chosen = (mounted.locator(s).bounding_box() for s in (".lens", ".spot[aria-selected=true]"))
        assert lens
        assert chosen
        assert all(lens[side] == pytest.approx(chosen[side], abs=1) for side in ("x", "y", "width", "height"))
        row, column = divmod(cell, WIDTH)
        position = mounted.locator(".lens").evaluate(
            "(lens) => lens.style.backgroundPosition.split(' ').map(parseFloat)"
        )
        assert position == pytest.approx([100 * column / (WIDTH - 1), 100 * row / (HEIGHT - 1)], abs=0.01)


def test_without_scripts_the_logits_are_still_read(open_page: Any, tmp_path: Path) -> None:
    bare = open_page(viewport="narrow", javascript=False)
    bare.goto(static_page(tmp_path, vote_explorer(photograph=3, category=2).page_html()))
    for k, name in enumerate(PHOTOGRAPHS[3].classes):
        logit = number(bare.get_by_role("row", name=name).locator("td").nth(3).inner_text())
        assert float(logit) == pytest.approx(PHOTOGRAPHS[3].average[k].sum() + PHOTOGRAPHS[3].bias[k], abs=0.00051)


# With the real network ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> weights.PhotoNetwork:
    return weights.photo_network()


def seen_by(network: weights.PhotoNetwork, name: str) -> tuple[Any, Any, Any, Any]:
    """The feature map ``(C, H, W)`` of one photograph, the classifier's weight and bias, and the logits."""
    with torch.no_grad():
        seen = models.parts(network, data.photograph(name).tensor)
    linear = models.classifier(network)
    parts = (seen.feature_map[0], linear.weight, linear.bias, seen.logits[0])
    features, weight, bias, logits = (part.detach().cpu().double().numpy() for part in parts)
    return features, weight, bias, logits


def by_hand(features: Any, weight: Any) -> tuple[Any, Any]:
    """Votes under both pools, position by position and channel by channel: slower than a chapter's way, and another."""
    channels, height, width = features.shape
    average, maximum = (np.zeros((len(weight), height, width)) for _ in range(2))
    for row in range(height):
        for column in range(width):
            average[:, row, column] = weight @ features[:, row, column] / (height * width)
    for channel in range(channels):
        row, column = np.unravel_index(features[channel].argmax(), (height, width))
        maximum[:, row, column] += weight[:, channel] * features[channel, row, column]
    return average, maximum


@pytest.fixture(scope="module")
def voted(network: weights.PhotoNetwork) -> list[tuple[VotedPhotograph, VotedPhotograph]]:
    """For each real photograph, what a chapter gives the widget, and the same computed by hand, with its logits."""
    pairs = []
    for name in data.PHOTOGRAPHS:
        features, weight, bias, logits = seen_by(network, name)
        order = np.argsort(-logits)
        kinds = [*order[:5].tolist(), int(order[-1])]
        picture, chosen = data.photograph(name).picture, [network.categories[k] for k in kinds]
        given, x = torch.from_numpy(weight[kinds]), torch.from_numpy(features)
        flat = x.flatten(1)
        tops = torch.zeros_like(flat).scatter_(1, flat.argmax(1, keepdim=True), flat.amax(1, keepdim=True))
        average = torch.einsum("kc,chw->khw", given, x) / x[0].numel()
        maximum = (given @ tops).view(-1, *x.shape[1:])
        theirs = VotedPhotograph(name, picture, chosen, bias[kinds], average.numpy(), maximum.numpy())
        ours = VotedPhotograph(name, picture, chosen, bias[kinds], *by_hand(features, weight[kinds]))
        # The network itself agrees: this is its own logit, not only our sum.
        assert ours.average.sum(axis=(1, 2)) + ours.bias == pytest.approx(logits[kinds], abs=1e-4)
        pairs.append((theirs, ours))
    return pairs


@pytest.mark.parametrize("viewport", ["wide", "narrow"])
def test_real_votes_add_up_for_every_photograph_class_and_pool(
    open_page: Any, tmp_path: Path, voted: list[tuple[VotedPhotograph, VotedPhotograph]], viewport: str
) -> None:
    html = VoteExplorer([theirs for theirs, _ in voted]).page_html()
    assert len(html.encode()) < 250_000
    if viewport == "wide":
        voted = voted[:1]  # the numbers are the same on both screens, and one photograph shows that they are in place
    page = open_page(viewport=viewport)
    page.goto(static_page(tmp_path, html))
    expect(page.locator("[data-state=ready]")).to_have_count(1)
    for index, (_, ours) in enumerate(voted):
        page.locator(".photograph").nth(index).click()
        for category in range(len(ours.classes)):
            page.locator(".kind").nth(category).click()
            for pool in POOLS:
                page.get_by_role("radio", name=pool.capitalize()).click()
                check(page, ours, category, pool, None)
        for cell in (0, 24, 48):
            page.mouse.move(*middle(page, cell))
            check(page, ours, len(ours.classes) - 1, "maximum", cell)
        page.get_by_role("radio", name="Average").click()


def test_the_chapter_shows_the_networks_votes(open_page: Any, site: Path, network: weights.PhotoNetwork) -> None:
    page = open_page()
    page.goto((site / "03_nin_lineage.html").as_uri())
    shown = page.locator("[data-widget=vote-explorer]").first
    expect(shown).to_have_attribute("data-state", "ready")
    for index, name in enumerate(texts(shown, ".photograph .name")):
        full = next(one for one in data.PHOTOGRAPHS if one.startswith(name.lower().replace(" ", "_")))
        features, weight, bias, logits = seen_by(network, full)
        shown.locator(".photograph").nth(index).click()
        chosen = texts(shown, ".kind .name")
        # Some names stand for two classes: the one that the network prefers is meant.
        kinds = [
            max((k for k, c in enumerate(network.categories) if c == one), key=lambda k: logits[k]) for one in chosen
        ]
        assert kinds[:-1] == np.argsort(-logits)[: len(kinds) - 1].tolist()
        ours = VotedPhotograph(name, np.zeros(0), chosen, bias[kinds], *by_hand(features, weight[kinds]))
        for category in (0, len(kinds) - 1):
            shown.locator(".kind").nth(category).click()
            for pool in POOLS:
                shown.get_by_role("radio", name=pool.capitalize()).click()
                check(shown, ours, category, pool, None)
