"""A checkpoint's preset, from shapes and the authors' model string."""

import json

import pytest

from human3r_model.architecture import architecture, identify
from human3r_model.config import PRESETS
from human3r_model.errors import CheckpointError
from tests.human3r_model.checkpoints import KEYS, MODEL_STRING

TINY = {name: tuple(shape) for name, shape in json.loads(KEYS.read_text()).items()}
# The model string of the authors' training configuration for 896L, of which only sizes are read.
PUBLISHED = (
    "ARCroco3DStereo(ARCroco3DStereoConfig(freeze='encoder_and_decoder_and_head', state_size=768, "
    "state_pe='2d', pos_embed='RoPE100', rgb_head=True, pose_head=True, msk_head=True, "
    "patch_embed_cls='ManyAR_PatchEmbed', img_size=(512, 512), head_type='dpt', "
    "output_mode='pts3d+pose+smpl', depth_mode=('exp', -inf, inf), conf_mode=('exp', 1, inf), "
    "pose_mode=('exp', -inf, inf), enc_embed_dim=1024, enc_depth=24, enc_num_heads=16, "
    "dec_embed_dim=768, dec_depth=12, dec_num_heads=12, landscape_only=False, "
    "backbone='dinov2_vitl14', mhmr_img_res={res}))"
)


def shapes_of(name):
    """The shapes that tell a preset, made from its sizes."""
    config = PRESETS[name]
    dino = (config.dino_dim, 3, 14, 14)
    shapes = {
        "patch_embed.proj.weight": (config.enc_dim, 3, 16, 16),
        "enc_blocks.0.mlp.fc1.weight": (4 * config.enc_dim, config.enc_dim),
        "decoder_embed.weight": (config.dec_dim, config.enc_dim),
        "register_tokens.weight": (config.state_tokens, config.enc_dim),
        "pose_retriever.mem": (1, config.memory_slots, 2 * config.dec_dim),
        "backbone.encoder.patch_embed.proj.weight": dino,
        "backbone.encoder.pos_embed": (1, 1370, config.dino_dim),
        "downstream_head.dpt_self.scratch.layer_rn.0.weight": (256, 96, 3, 3),
    }
    for blocks, depth in (
        ("enc_blocks", config.enc_depth),
        ("dec_blocks", config.dec_depth),
        ("backbone.encoder.blocks", config.dino_depth),
    ):
        shapes |= {f"{blocks}.{index}.norm1.weight": (1,) for index in range(depth)}
    for level, dim in enumerate((96, 192, 384, 768)):
        shapes[f"downstream_head.dpt_self.act_postprocess.{level}.0.weight"] = (dim, 1, 1, 1)
    return shapes


@pytest.mark.parametrize("name", ["672S", "672B", "672L", "896L"])
def test_published_presets_are_told_apart(name):
    string = PUBLISHED.format(res=name[:3])
    assert identify("a.pth", shapes_of(name), string) is PRESETS[name]


def test_tiny_is_told_with_and_without_its_string():
    assert identify("a.pth", TINY, MODEL_STRING).name == "tiny"
    assert identify("a.pth", TINY, None).name == "tiny"


def test_what_shapes_cannot_tell_is_asked_for():
    with pytest.raises(CheckpointError, match="to tell 672L, 896L apart: pass --preset"):
        identify("a.pth", shapes_of("896L"), None)
    assert identify("a.pth", shapes_of("896L"), None, "672L").name == "672L"


def changed(string, old, new):
    assert old in string
    return string.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("enc_depth=2", "enc_depth=3", "enc_depth is 2 by the tensors, 3 by the model string"),
        ("state_size=16", "state_size=9", "state_tokens is 16 by the tensors, 9 by"),
        ("enc_num_heads=4", "enc_num_heads=8", "nearest tiny: enc_heads is 8, expected 4"),
        ("mhmr_img_res=112", "mhmr_img_res=896", "dino_image_size is 896, expected 112"),
        ("enc_depth=2", "enc_depth=1 + 1", r"states enc_depth=1 \+ 1, not a number"),
        ("enc_depth=2", "enc_depth=open('x', 'w')", "not a number"),
        ("))", ")", "cannot be parsed"),
        ("ARCroco3DStereo(ARCroco3DStereoConfig(", "ARCroco3DStereo((", r"cannot be parsed"),
        (MODEL_STRING, "ARCroco3DStereo(7)", r"is not Network\(Config\(...\)\)"),
    ],
)
def test_disagreement_names_both_values(old, new, words):
    with pytest.raises(CheckpointError, match=words):
        identify("a.pth", TINY, changed(MODEL_STRING, old, new))


def test_other_networks_are_named():
    with pytest.raises(CheckpointError, match="memory_slots is 9, expected 8"):
        identify("a.pth", TINY | {"pose_retriever.mem": (1, 9, 96)}, None)
    with pytest.raises(CheckpointError, match=r"lacks patch_embed\.proj\.weight: not a Human3R"):
        identify("a.pth", {"fc.weight": (3, 3)}, None)
    with pytest.raises(CheckpointError, match="no preset 'huge': choose one of 672S"):
        identify("a.pth", TINY, None, "huge")
    with pytest.raises(CheckpointError, match=r"nearest 672S: .*enc_dim is 64, expected 1024"):
        identify("a.pth", TINY, None, "672S")


def test_architecture_is_plain_and_leaves_out_what_a_run_decides():
    sizes = architecture(PRESETS["896L"])
    assert json.loads(json.dumps(sizes)) == sizes
    assert sizes["dino_image_size"] == 896
    assert sizes["dpt_dims"] == [96, 192, 384, 768]
    assert "detection_threshold" not in sizes
