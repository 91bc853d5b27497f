"""Human3R (arXiv 2510.06219): a video's cameras, points and people, frame after frame.

`encode` knows one frame at a time and no history; `step` advances B clips by one frame. Both are
pure: whatever a clip carries is in its `State`. A clip's result does not depend on its neighbours
in the batch.

Letters: F frames, B clips, P people (flat), Q most people in one clip, L patches, H and W pixels.
"""

import torch
from torch import Tensor, nn

from human3r_model.backbone import DinoBackbone, fit_square
from human3r_model.config import ModelConfig
from human3r_model.encoder import EncoderBlock
from human3r_model.errors import InputError
from human3r_model.heads import DownstreamHead
from human3r_model.layers import DecoderBlock, PatchEmbed, StateBlock
from human3r_model.mixed import widen
from human3r_model.people import detect_people, score_people, segment_people
from human3r_model.recurrence import POSE_POSITION, ImageStream, PoseMemory, decode, gate_state
from human3r_model.rope import Rotation, grid_positions, rotation
from human3r_model.seats import Seats, assign_seats
from human3r_model.tracking import empty_tracks, track_people
from human3r_model.values import Features, HeadSelection, Prediction, State

DEFAULT_HEADS = HeadSelection()


class Human3R(nn.Module):
    """The network; its state dict carries the published checkpoint's names (see `keys`)."""

    def __init__(self, config: ModelConfig) -> None:
        """Build it with the sizes of `config`; build under `torch.device("meta")` to load fast."""
        super().__init__()
        self.config = config
        enc, dec, ratio, eps = config.enc_dim, config.dec_dim, config.mlp_ratio, config.norm_eps
        self.pose_token = nn.Parameter(torch.zeros(1, 1, dec))
        self.patch_embed = PatchEmbed(config.patch_size, enc)
        self.enc_blocks = nn.ModuleList(
            EncoderBlock(enc, config.enc_heads, ratio, eps) for _ in range(config.enc_depth)
        )
        self.enc_norm = nn.LayerNorm(enc, eps=eps)
        self.decoder_embed = nn.Linear(enc, dec)
        self.dec_blocks = nn.ModuleList(
            DecoderBlock(dec, config.dec_heads, ratio, eps) for _ in range(config.dec_depth)
        )
        self.dec_norm = nn.LayerNorm(dec, eps=eps)
        self.pose_retriever = PoseMemory(config)
        # Not initialised by nn.Embedding: on the meta device that loads torch's compiler, 3 s.
        self.register_tokens = nn.Embedding.from_pretrained(torch.empty(config.state_tokens, enc))
        self.backbone = DinoBackbone(config)
        self.decoder_embed_state = nn.Linear(enc, dec)
        self.dec_blocks_state = nn.ModuleList(
            StateBlock(dec, config.state_heads, ratio, eps) for _ in range(config.dec_depth)
        )
        self.dec_norm_state = nn.LayerNorm(dec, eps=eps)
        self.downstream_head = DownstreamHead(config)

    def encode(self, frames: Tensor, heads: HeadSelection = DEFAULT_HEADS) -> Features:
        """Look at frames, each on its own.

        Args:
            frames: `[F, H, W, 3]` uint8 RGB on the model's device, H and W multiples of the patch.
            heads: `masks` asks for person masks here.

        Raises:
            InputError: The frames are of another type, shape or size.
        """
        _check_frames(frames, self.config.patch_size)
        height, width = frames.shape[1:3]
        dtype = self.pose_token.dtype
        image = (frames.permute(0, 3, 1, 2).to(dtype) / 255 - 0.5) / 0.5
        image_tokens = self._encode_apart(image)
        dino_tokens = self.backbone(fit_square(image, self.config.dino_image_size))
        head = self.downstream_head
        score_map = score_people(head, dino_tokens, self.config.dino_grid)
        size = (height, width)
        return Features(
            image_size_hw=size,
            image_tokens=image_tokens,
            score_map=score_map,
            masks=segment_people(head, dino_tokens, self.config) if heads.masks else None,
            detections=detect_people(head, self.config, score_map, dino_tokens, image_tokens, size),
        )

    def initial_state(self, batch_size: int) -> State:
        """Return the state of clips that have seen nothing.

        Args:
            batch_size: B.
        """
        tokens = self.decoder_embed_state(self.register_tokens.weight)
        memory = self.pose_retriever.mem[0]
        return State(
            tokens=tokens.repeat(batch_size, 1, 1),
            memory=memory.repeat(batch_size, 1, 1),
            is_first=torch.ones(batch_size, dtype=torch.bool, device=tokens.device),
            tracks=empty_tracks(batch_size, tokens, self.config.dec_dim),
            initial_tokens=tokens,
            initial_memory=memory,
        )

    def step(
        self,
        features: Features,
        state: State,
        *,
        ttt3r: bool = True,
        heads: HeadSelection = DEFAULT_HEADS,
    ) -> tuple[Prediction, State]:
        """Advance B clips by one frame each.

        Args:
            features: One frame a clip, clips in the state's order.
            state: Of the B clips; each knows whether this is its first frame.
            ttt3r: Update the state by TTT3R's gate instead of replacing it.
            heads: Which dense heads run. `masks` must have been asked of `encode` too.

        Raises:
            InputError: Features and state are of different batch sizes, or masks were not encoded.
        """
        _check_step(features, state, heads)
        found = features.detections
        seats = assign_seats(found.frame_index, len(state))
        image_feature = features.image_tokens.mean(dim=1, keepdim=True)
        stream = self._image_stream(features, image_feature, seats, state)
        decoded = decode(self.dec_blocks_state, self.dec_blocks, state.tokens, stream, self.config)
        image = self.dec_norm(decoded.image)
        patches_end = 1 + stream.num_patches
        pose_token, human_tokens = image[:, :1], image[:, patches_end:]

        # All this comes before tracking, which has to wait for the device.
        new_tokens = self.dec_norm_state(decoded.state)
        if ttt3r:
            new_tokens = gate_state(state.tokens, new_tokens, decoded.mean_logit, state.is_first)
        memory = self.pose_retriever.write(image_feature, pose_token, state.memory)
        hooks = (features.image_tokens, *decoded.middle, image[:, 1:patches_end])
        points = self._points(features, hooks, pose_token[:, 0], heads)
        camera_pose = self.downstream_head.pose_head(pose_token[:, 0])

        track_id, tracks = track_people(human_tokens, seats.is_taken, state.tracks, self.config)
        prediction = Prediction(
            camera_pose=camera_pose,
            **points,
            masks=features.masks if heads.masks else None,
            people=self.downstream_head.people(found, seats, human_tokens, track_id),
        )
        next_state = State(
            tokens=new_tokens,
            memory=memory,
            is_first=torch.zeros_like(state.is_first),
            tracks=tracks,
            initial_tokens=state.initial_tokens,
            initial_memory=state.initial_memory,
        )
        return prediction, next_state

    def encode_image(self, image: Tensor) -> Tensor:
        """Map `[F, 3, H, W]` in [-1, 1] to patch tokens `[F, L, C_enc]`."""
        size, config = (image.shape[2], image.shape[3]), self.config
        turn = self._patch_rotation(size, config.enc_dim, config.enc_heads)
        x = widen(self.patch_embed(image))
        for block in self.enc_blocks:
            x = block(x, turn)
        return self.enc_norm(x)

    def _encode_apart(self, image: Tensor) -> Tensor:
        """Encode pictures so that a picture's tokens do not depend on its neighbours.

        The encoder's half-precision rounding turns last-bit differences between batch sizes into
        visible ones. On a CPU, where batching gains nothing, frames therefore go one by one, and a
        frame's tokens are the same bits whoever its neighbours are.
        """
        batches = image.split(1 if image.device.type == "cpu" else len(image))
        return torch.cat([self.encode_image(batch) for batch in batches])

    def _image_stream(
        self, features: Features, image_feature: Tensor, seats: Seats, state: State
    ) -> ImageStream:
        """Line up pose token, patches and people."""
        recalled = self.pose_retriever.read(image_feature, state.memory)
        pose_token = torch.where(state.is_first[:, None, None], self.pose_token, recalled)
        patches = self.decoder_embed(features.image_tokens)
        batch_size, num_patches = patches.shape[:2]
        grid = grid_positions(*self._grid_hw(features.image_size_hw), patches.device)
        positions = [
            grid.new_full((batch_size, 1, 2), POSE_POSITION),
            grid.expand(batch_size, -1, -1),
            seats.pad(features.detections.patch),
        ]
        is_taken = seats.is_taken
        always = is_taken.new_ones(batch_size, 1 + num_patches)
        return ImageStream(
            tokens=torch.cat(
                [pose_token, patches, seats.pad(features.detections.human_token)], dim=1
            ),
            positions=torch.cat(positions, dim=1),
            is_real=None if is_taken.all() else torch.cat([always, is_taken], dim=1),
            num_patches=num_patches,
        )

    def _points(
        self,
        features: Features,
        hooks: tuple[Tensor, ...],
        pose_token: Tensor,
        heads: HeadSelection,
    ) -> dict[str, Tensor | None]:
        """Run the dense heads asked for: fields of `Prediction`."""
        config, head = self.config, self.downstream_head
        grid_hw = self._grid_hw(features.image_size_hw)
        pointmap = confidence = world_pointmap = world_confidence = None
        if heads.pointmap:
            pointmap, confidence = head.points(hooks, grid_hw)
        if heads.world_pointmap:
            turn = self._patch_rotation(features.image_size_hw, config.dec_dim, config.dec_heads)
            world_pointmap, world_confidence = head.world_points(hooks, grid_hw, pose_token, turn)
        return {
            "pointmap": pointmap,
            "confidence": confidence,
            "world_pointmap": world_pointmap,
            "world_confidence": world_confidence,
        }

    def _grid_hw(self, image_size_hw: tuple[int, int]) -> tuple[int, int]:
        """Count the patches down and across."""
        height, width = image_size_hw
        return height // self.config.patch_size, width // self.config.patch_size

    def _patch_rotation(self, image_size_hw: tuple[int, int], dim: int, num_heads: int) -> Rotation:
        """Evaluate the rotation of the patches for attention of `dim` channels."""
        grid = grid_positions(*self._grid_hw(image_size_hw), self.pose_token.device)
        base, dtype = self.config.rope_base, self.pose_token.dtype
        return rotation(grid[None], dim // num_heads, base, dtype)


def _check_frames(frames: Tensor, patch_size: int) -> None:
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
        found = f"{frames.dtype} {list(frames.shape)}"
        raise InputError(f"frames are {found}; give uint8 [F, H, W, 3] RGB")
    height, width = frames.shape[1:3]
    if height == 0 or width == 0 or height % patch_size or width % patch_size:
        raise InputError(
            f"frames are {width}x{height} pixels; crop both sides to multiples of {patch_size}"
        )


def _check_step(features: Features, state: State, heads: HeadSelection) -> None:
    if len(features) != len(state):
        raise InputError(
            f"features hold {len(features)} frames and the state {len(state)} clips; "
            "select one frame a clip"
        )
    if heads.masks and features.masks is None:
        raise InputError("masks were asked of step but not of encode; ask both")
