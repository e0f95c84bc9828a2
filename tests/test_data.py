"""Fashion-MNIST and the photographs, against the files themselves and against hand-made values."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from gaplab import ReaderError, data


def test_subset_is_balanced_uint8_images():
    for split, count in (("train", 200), ("test", 100)):
        images, labels = data.fashion_mnist(split)
        assert images.shape == (10 * count, 1, 28, 28)
        assert images.dtype == torch.uint8
        assert labels.dtype == torch.int64
        assert labels.bincount().tolist() == [count] * 10


def test_returned_tensors_are_the_callers_own():
    images, labels = data.fashion_mnist("test")
    images.zero_()
    labels.zero_()
    again, labels_again = data.fashion_mnist("test")
    assert again.any()
    assert labels_again.any()


@pytest.mark.skipif(not data.DEBIAN.is_dir(), reason="needs Debian's dataset-fashion-mnist")
class TestFull:
    def test_whole_set_has_the_published_sizes_and_mean(self):
        images, labels = data.fashion_mnist("train", full=True)
        assert images.shape == (60000, 1, 28, 28)
        assert labels.bincount().tolist() == [6000] * 10
        pixels = images.double() / 255
        assert float(pixels.mean()) == pytest.approx(data.MEAN, abs=5e-5)
        assert float(pixels.std()) == pytest.approx(data.STD, abs=5e-5)
        assert data.fashion_mnist("test", full=True)[0].shape == (10000, 1, 28, 28)

    def test_subset_is_the_first_of_each_class(self):
        for split, count in (("train", 200), ("test", 100)):
            images, labels = data.fashion_mnist(split, full=True)
            subset, subset_labels = data.fashion_mnist(split)
            for label in range(10):
                expected = images[labels == label][:count]
                assert torch.equal(subset[subset_labels == label], expected)

    def test_subset_is_reproducible(self, tmp_path):
        """To the byte, inside: the headers of a zip file differ between releases of Python."""
        data.write_subset(tmp_path / "subset.npz")
        with np.load(tmp_path / "subset.npz") as again, np.load(data.SUBSET) as shipped:
            assert again.files == shipped.files
            for name in again.files:
                assert again[name].dtype == shipped[name].dtype
                assert np.array_equal(again[name], shipped[name])

    def test_larger_selection_begins_with_the_smaller_one(self):
        few, few_labels = data.stratified("train", 500)
        many, many_labels = data.stratified("train", 3000)
        for label in range(10):
            assert torch.equal(many[many_labels == label][:50], few[few_labels == label])

    def test_damaged_file_gives_one_sentence(self, tmp_path, monkeypatch):
        for path in data.DEBIAN.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes()[:-20])
        monkeypatch.setattr(data, "DEBIAN", tmp_path)
        data._full.cache_clear()
        with pytest.raises(ReaderError, match="missing or damaged"):
            data.fashion_mnist("test", full=True)
        data._full.cache_clear()


def test_stratified_takes_the_same_number_of_each_class_and_skips():
    images, labels = data.stratified("train", 50, skip=3)
    assert labels.bincount().tolist() == [5] * 10
    everything, all_labels = data.fashion_mnist("train")
    assert torch.equal(images[labels == 7], everything[all_labels == 7][3:8])


def test_whole_set_comes_from_torchvision_where_debian_has_none(tmp_path, monkeypatch):
    asked = []

    class Downloaded:
        def __init__(self, root, train, download):
            asked.append((Path(root), train, download))
            self.data = torch.arange(2 * 28 * 28).view(2, 28, 28).to(torch.uint8)
            self.targets = torch.tensor([3, 4])

    monkeypatch.setattr(data, "DEBIAN", tmp_path / "absent")
    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", Downloaded)
    data._full.cache_clear()
    images, labels = data.fashion_mnist("test", full=True)
    data._full.cache_clear()
    assert images.shape == (2, 1, 28, 28)
    assert labels.tolist() == [3, 4]
    assert asked == [(Path(torch.hub.get_dir()).parent / "datasets", False, True)]


def test_no_data_and_no_network_give_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "DEBIAN", tmp_path / "absent")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    data._full.cache_clear()
    with pytest.raises(ReaderError, match="install Debian's dataset-fashion-mnist or connect"):
        data.fashion_mnist("train", full=True)


def test_damaged_and_missing_subset_give_one_sentence(tmp_path, monkeypatch):
    content = bytearray(data.SUBSET.read_bytes())
    content[len(content) // 2] ^= 1
    broken = tmp_path / "subset.npz"
    broken.write_bytes(content)
    monkeypatch.setattr(data, "SUBSET", broken)
    with pytest.raises(ReaderError, match=r"damaged \(its checksum differs\): reinstall"):
        data.fashion_mnist("train")
    monkeypatch.setattr(data, "SUBSET", tmp_path / "absent.npz")
    with pytest.raises(ReaderError, match="missing: reinstall"):
        data.fashion_mnist("train")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: data.fashion_mnist("valid"), "no split of Fashion-MNIST called 'valid'"),
        (lambda: data.stratified("train", 25), "multiple of 10"),
        (lambda: data.stratified("train", 0), "multiple of 10"),
        (lambda: data.stratified("valid", 10), "no split of Fashion-MNIST called 'valid'"),
        (lambda: data.stratified("test", 10, skip=1000), "has 1000 in its test split: ask for fewer"),
        (lambda: data.photograph("chelsee"), "did you mean chelsea"),
        (lambda: data.photograph("coffee", 0), "choose a size of 1 or more"),
        (lambda: data.resize(torch.zeros(1, 1, 4, 4), 0), "choose a size of 1 or more"),
        (lambda: data.place(torch.zeros(1, 1, 28, 28), 27), "choose a larger canvas"),
        (lambda: data.place(torch.zeros(1, 1, 16, 16), 28, 7, 0), "stay within -6 to 6 px"),
    ],
)
def test_bad_input_gives_one_sentence(call, sentence):
    with pytest.raises(ReaderError, match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_normalise_subtracts_the_mean_and_divides_by_the_deviation():
    images = torch.tensor([[[[0, 255], [51, 102]]]], dtype=torch.uint8)
    expected = (torch.tensor([[[[0.0, 1.0], [0.2, 0.4]]]]) - 0.2860) / 0.3530
    torch.testing.assert_close(data.normalise(images).cpu(), expected)


def test_resize_keeps_a_constant_image_and_an_image_of_that_size():
    flat = torch.full((2, 1, 28, 28), 37, dtype=torch.uint8)
    for size in (1, 16, 28, 61):
        torch.testing.assert_close(data.resize(flat, size), torch.full((2, 1, size, size), 37.0))
    images, _ = data.stratified("test", 10)
    assert torch.equal(data.resize(images, 28), images.float())


def test_resize_down_averages_and_does_not_skip():
    # One bright column in four: a resize that only picked pixels would return 0 or 255.
    stripes = torch.zeros(1, 1, 32, 32)
    stripes[..., ::4] = 255
    assert data.resize(stripes, 8)[..., 1:-1].sub(255 / 4).abs().max() < 1


def test_place_moves_by_whole_pixels_and_cuts_nothing_off():
    images, _ = data.stratified("test", 10)
    centre = data.place(images, 40)
    assert torch.equal(centre[:, :, 6:34, 6:34], images)
    assert int(centre.sum()) == int(images.sum())
    assert torch.equal(data.place(images, 40, dx=5, dy=-6), centre.roll((-6, 5), dims=(2, 3)))


def test_photograph_is_the_central_square_in_both_forms():
    from skimage.data import chelsea

    whole = chelsea()  # 300 x 451
    picture, tensor = data.photograph("chelsea", 300)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, whole[:, 75:375])
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    expected = torchvision.transforms.functional.normalize(pixels, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    torch.testing.assert_close(tensor.cpu(), expected)


@pytest.mark.parametrize("name", data.PHOTOGRAPHS)
def test_every_photograph_has_the_size_asked_for_and_the_files_colours(name):
    picture, tensor = data.photograph(name, 96)
    assert picture.shape == (96, 96, 3)
    assert tensor.shape == (1, 3, 96, 96)
    square = data._photograph_file(name)[0].double()
    assert picture.mean(axis=(0, 1)) == pytest.approx(square.mean(dim=(1, 2)).numpy(), abs=2)
    assert picture.std() == pytest.approx(float(square.std()), rel=0.2)


def test_grey_photograph_gets_three_equal_channels():
    picture, _ = data.photograph("camera", 64)
    assert (picture[..., 0] == picture[..., 1]).all()
    assert (picture[..., 0] == picture[..., 2]).all()


def cells(images: torch.Tensor) -> torch.Tensor:
    """Cut scenes into their cells: ``(N, 9, 16, 16)``."""
    return images.view(len(images), 3, 16, 3, 16).transpose(2, 3).reshape(len(images), 9, 16, 16)


@pytest.mark.parametrize("planted", [1, 4, 9])
def test_a_scene_shows_as_many_garments_of_its_class_as_were_planted(planted):
    images, labels = data.scenes("test", 40, (planted,), seed=0)
    assert images.shape == (40, 1, 48, 48)
    assert labels.bincount().tolist() == [4] * 10
    pool, pool_labels = data.stratified("test", 40)
    small = data.resize(pool, 16)[:, 0]
    for scene, label in zip(cells(images), labels, strict=True):
        shown = [cell for cell in scene if any(torch.equal(cell, garment) for garment in small[pool_labels == label])]
        assert len(shown) == planted
        # Clutter is the tiles of some garment in another order: the same greys, another picture.
        greys = small.flatten(1).sort(dim=1).values
        for cell in scene:
            assert any(torch.allclose(cell.flatten().sort().values, own, atol=1e-4) for own in greys)


def test_scenes_differ_by_seed_and_draw_their_number_of_garments():
    first, again, other = (data.scenes("test", 40, (1, 9), seed=seed)[0] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    black = (cells(first).flatten(2).amax(dim=2) == 0).sum(dim=1)
    assert black.max() <= 1
    means = torch.stack([data.scenes("test", 40, (count,), seed=0)[0].mean() for count in (1, 9)])
    assert means[0] != means[1]


def test_a_planted_garment_shrinks_in_the_middle_of_its_cell():
    whole, small = (data.scenes("test", 10, (9,), seed=0, side=side)[0] for side in (16, 6))
    border = torch.ones(16, 16, dtype=torch.bool)
    border[5:11, 5:11] = False
    assert float(cells(small)[..., border].abs().max()) == 0
    expected = data.resize(cells(whole).reshape(-1, 1, 16, 16), 6)
    torch.testing.assert_close(cells(small)[..., 5:11, 5:11].reshape(-1, 1, 6, 6), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("planted", "side"), [((0,), 16), ((10,), 16), ((), 16), ((1,), 17), ((1,), 0)])
def test_an_impossible_scene_gives_one_sentence(planted, side):
    with pytest.raises(ReaderError, match="A scene has 9 cells of 16 px: plant 1 to 9 garments of 1 to 16 px"):
        data.scenes("test", 10, planted, seed=0, side=side)


def test_digits_are_those_of_scikit_learn_enlarged():
    images, labels = data.digits()
    assert images.shape == (1797, 1, 28, 28)
    assert labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as the repository says
    from sklearn.datasets import load_digits

    given = torch.from_numpy(load_digits().images[:20]).float()
    small = data.resize(images[:20], 8)[:, 0]
    assert float(torch.corrcoef(torch.stack([small.flatten(), given.flatten()]))[0, 1]) > 0.95
    assert float(images.max()) <= 255


def test_a_photograph_comes_back_as_the_picture_it_was():
    photograph = data.photograph("coffee", 64)
    assert np.array_equal(data.as_picture(photograph.tensor), photograph.picture)
