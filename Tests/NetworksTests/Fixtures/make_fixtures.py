#!/usr/bin/env python3
"""Outputs, gradients and training losses of small networks, from PyTorch and diffusers.

    python3 -m venv VENV && VENV/bin/pip install torch==2.8.0 diffusers==0.42.1 safetensors numpy
    VENV/bin/python make_fixtures.py

writes the files beside this script:

    unet-attention, unet-plain, autoencoder (.safetensors)
        what the tests compare with: outputs, loss, `gradient/NAME` for every parameter, and the
        losses of ten AdamW steps (learning rate 1e-3, PyTorch's other defaults) on one batch
    embedding.safetensors      sinusoidal features of a few times
    formats.safetensors        the same numbers as F32, and as F16 and BF16 rounded by PyTorch
    parameters-*.txt           the names and shapes of all parameters of larger networks

Weights and inputs are not stored: both sides compute them from a hash of name and position (`wave`).
All arithmetic here is in double precision, so that only the other side rounds.
"""
import json
import os
import platform

import diffusers
import numpy
import torch
from diffusers import AutoencoderKL, UNet2DModel
from diffusers.models.embeddings import get_timestep_embedding
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
VERSIONS = {"torch": torch.__version__, "diffusers": diffusers.__version__,
            "numpy": numpy.__version__, "python": platform.python_version()}


def wave(name, shape):
    """Numbers in [-1, 1) that depend on the name and the position only, exact in single precision."""
    key = 2166136261
    for byte in name.encode():
        key = (key ^ byte) * 16777619 & 0xFFFFFFFF
    count = int(numpy.prod(shape))
    h = (numpy.arange(count, dtype=numpy.uint64) * 0x9E3779B9 + key) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> shift)) * factor & 0xFFFFFFFF
    h = h ^ (h >> 16)
    values = (h >> 8).astype(numpy.float32) * numpy.float32(2.0 ** -23) - numpy.float32(1)
    return torch.from_numpy(values.reshape(shape))


def start(name, shape):
    """The value of a parameter: of a scale at which no layer dies or explodes."""
    u = wave(name, shape)
    if len(shape) == 1:
        return 1 + 0.25 * u if name.endswith("weight") else 0.25 * u
    if name.startswith("class_embedding"):
        return u
    inputs = int(numpy.prod(shape[1:]))
    return u * torch.tensor((3 / inputs) ** 0.5, dtype=torch.float32)


def prepare(network):
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(start(name, tuple(parameter.shape)))
    return network.double()


def record(file, network, forward):
    """Runs `forward`, which returns the loss and outputs by name, and trains for ten steps."""
    loss, tensors = forward()
    loss.backward()
    tensors = {name: value.detach() for name, value in tensors.items()}
    for name, parameter in network.named_parameters():
        tensors[f"gradient/{name}"] = parameter.grad.clone()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = forward()[0]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    tensors["losses"] = torch.tensor(losses, dtype=torch.float64)
    tensors = {name: value.float().contiguous() for name, value in tensors.items()}
    save_file(tensors, os.path.join(HERE, file), metadata=VERSIONS)
    count = sum(p.numel() for p in network.parameters())
    print(f"{file}: {count} parameters, losses {losses[0]:.6f} to {losses[-1]:.6f}")


def unet_case(file, network, labels):
    prepare(network)
    x = wave("input", (2, 3, 8, 6)).double()
    target = wave("target", (2, 2, 8, 6)).double()
    t = torch.tensor([3, 700])

    def forward():
        output = network(x, t, class_labels=labels).sample
        return ((output - target) ** 2).mean(), {"output": output}

    record(file, network, forward)


def autoencoder_case(file, network):
    prepare(network)
    x = wave("input", (2, 3, 16, 12)).double()
    noise = wave("noise", (2, 4, 4, 3)).double()

    def forward():
        posterior = network.encode(x).latent_dist
        mean, log_variance = posterior.mean, posterior.logvar
        output = network.decode(mean + (0.5 * log_variance).exp() * noise).sample
        divergence = 0.5 * (mean ** 2 + log_variance.exp() - 1 - log_variance).mean()
        loss = (output - x).abs().mean() + 0.1 * divergence
        return loss, {"mean": mean, "log_variance": log_variance, "output": output}

    record(file, network, forward)


def parameter_list(name, network):
    with open(os.path.join(HERE, f"parameters-{name}.txt"), "w") as file:
        for key, value in sorted(network.state_dict().items()):
            file.write(f"{key} {'x'.join(map(str, value.shape))}\n")


def latent_unet(channels, layers):
    levels = len(channels)
    return UNet2DModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=layers,
        block_out_channels=channels, down_block_types=("AttnDownBlock2D",) * levels,
        up_block_types=("AttnUpBlock2D",) * levels, num_class_embeds=11, attention_head_dim=64,
        norm_num_groups=32)


def autoencoder(channels, groups, attention=True, quant=True):
    return AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels), layers_per_block=1,
        norm_num_groups=groups, mid_block_add_attention=attention, use_quant_conv=quant,
        use_post_quant_conv=quant)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(2)
    small = dict(sample_size=8, in_channels=3, out_channels=2, norm_num_groups=4)
    unet_case("unet-attention.safetensors", UNet2DModel(
        **small, block_out_channels=(8, 16), layers_per_block=1, attention_head_dim=4,
        down_block_types=("AttnDownBlock2D",) * 2, up_block_types=("AttnUpBlock2D",) * 2,
        num_class_embeds=3), labels=torch.tensor([2, 0]))
    unet_case("unet-plain.safetensors", UNet2DModel(
        **small, block_out_channels=(8, 12), layers_per_block=2, add_attention=False,
        down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2), labels=None)
    autoencoder_case("autoencoder.safetensors", autoencoder((4, 8, 12), 4))

    parameter_list("unet-small", latent_unet((64, 128), 1))
    parameter_list("unet-base", latent_unet((128, 256), 2))
    parameter_list("autoencoder", autoencoder((32, 64, 128), 8))
    parameter_list("autoencoder-plain", autoencoder((16, 32), 8, attention=False, quant=False))
    parameter_list("unet-mixed", UNet2DModel(
        in_channels=3, out_channels=3, block_out_channels=(32, 64, 96), layers_per_block=2,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"), attention_head_dim=None))

    times = torch.tensor([0.0, 1, 2, 49, 500, 999, 1000, 0.5])
    features = {
        str(size): get_timestep_embedding(times, size, flip_sin_to_cos=True, downscale_freq_shift=0)
        for size in (8, 64, 7)}
    save_file(
        {"times": times, **features}, os.path.join(HERE, "embedding.safetensors"),
        metadata=VERSIONS)
    numbers = torch.cat([
        wave("numbers", (48,)) * 10.0 ** (torch.arange(48) % 9 - 6),
        torch.tensor([0.0, -0.0, 1.0, 65504.0, 6e-8, -3e-5, 1 + 2.0 ** -9, 1 + 3 * 2.0 ** -9])])
    save_file(
        {"F32": numbers, "F16": numbers.half(), "BF16": numbers.bfloat16()},
        os.path.join(HERE, "formats.safetensors"), metadata=VERSIONS)


main()
