"""The book's networks: CIFAR-style ResNets with interchangeable heads, NIN, and torchvision's ResNets re-headed.

Every builder draws its weights from ``seed`` alone, leaves the global random state as it was, and returns the network
on ``gaplab.device()`` in training mode.
"""

from gaplab.models.families import (
    DEPTHS,
    NETWORKS,
    NIN,
    CifarResNet,
    ControlCNN,
    build,
    control_cnn,
    make,
    nin,
    resnet8,
    resnet20,
)
from gaplab.models.heads import HEADS, HIDDEN, TORCHVISION_RESNETS, HeadName, make_head, official, torchvision_resnet
from gaplab.models.inspection import Parts, classifier, count_parameters, hooked, parts
from gaplab.models.layers import BasicBlock, BlurPool, GeM, MlpConv, PadShortcut, Rescaled
from gaplab.models.seeding import seeded
