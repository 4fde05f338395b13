#!/usr/bin/env python3
"""PyTorch's time for what `swift run benchmark sampler` measures: 100 latents, 50 steps of DDIM,
guided, one pass over 200 latents a step.

    python3 -m venv VENV && VENV/bin/pip install torch diffusers
    VENV/bin/python Sources/benchmark/pytorch_sampler.py [unet-small unet-base unet-course] [--threads 2]

Run it with nothing else running, right before or after the Swift benchmark.
"""
import argparse
import statistics
import time
import warnings

warnings.filterwarnings("ignore")
import diffusers  # noqa: E402
import torch  # noqa: E402

# Channels, residual blocks in a level, channels of an attention head.
SIZES = {
    "unet-small": ((64, 128), 1, 64),
    "unet-base": ((128, 256), 2, 64),
    "unet-course": ((96, 192), 2, 32),
}
IMAGES, STEPS, SCALE = 100, 50, 3.0


def network(name):
    channels, layers, head = SIZES[name]
    return diffusers.UNet2DModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=layers,
        block_out_channels=channels, down_block_types=("AttnDownBlock2D",) * 2,
        up_block_types=("AttnUpBlock2D",) * 2, num_class_embeds=11, attention_head_dim=head,
        norm_num_groups=32).eval()


@torch.no_grad()
def sample(net, scheduler):
    labels = torch.arange(IMAGES) % 10
    both = torch.cat([labels, torch.full_like(labels, 10)])
    z = torch.randn(IMAGES, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    for t in scheduler.timesteps:
        conditional, unconditional = net(torch.cat([z, z]), t, class_labels=both).sample.chunk(2)
        noise = unconditional + SCALE * (conditional - unconditional)
        z = scheduler.step(noise, t, z).prev_sample
    return z


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=list(SIZES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=4)
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    scheduler = diffusers.DDIMScheduler(clip_sample=False, beta_schedule="linear")
    scheduler.set_timesteps(STEPS)
    print(f"PyTorch {torch.__version__}, diffusers {diffusers.__version__}")
    for name in options.networks:
        net, times = network(name), []
        for _ in range(options.runs):
            start = time.perf_counter()
            sample(net, scheduler)
            times.append(time.perf_counter() - start)
        print(f"{name}, {IMAGES} images, {STEPS} steps, guided: {statistics.median(times):.3f} s",
              flush=True)


main()
