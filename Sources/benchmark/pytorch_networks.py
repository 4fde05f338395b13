#!/usr/bin/env python3
"""PyTorch's half of `swift run benchmark --against PYTHON`: one network in this process.

Prints one JSON object for each kind of work: the training step with the peak memory of the process
up to there, forward passes, and guided sampling. Times are in seconds, memory is in MiB. Networks and
steps are those of `NetworkRuns.swift`: eager mode, single precision, an update by AdamW.

    python3 -m venv VENV && VENV/bin/pip install torch diffusers
    VENV/bin/python Sources/benchmark/pytorch_networks.py unet-small --threads 2 --seconds 1
"""
import argparse
import fcntl
import json
import os
import resource
import statistics
import sys
import time
import warnings

warnings.filterwarnings("ignore")
MISSING_LIBRARY = 3
torch = diffusers = None


def load_libraries():
    """Imports the libraries, which takes seconds: while it is this program's turn."""
    global torch, diffusers
    try:
        import torch
        import diffusers
    except ImportError as error:
        print(f"{error.name or error} is not installed", file=sys.stderr)
        sys.exit(MISSING_LIBRARY)

# Channels, residual blocks in a level, channels of an attention head.
UNETS = {
    "unet-small": ((64, 128), 1, 64),
    "unet-base": ((128, 256), 2, 64),
    "unet-course": ((96, 192), 2, 32),
}
SAMPLES, STEPS, SCALE = 100, 50, 3.0


def unet(name):
    channels, layers, head = UNETS[name]
    return diffusers.UNet2DModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=layers,
        block_out_channels=channels, down_block_types=("AttnDownBlock2D",) * 2,
        up_block_types=("AttnUpBlock2D",) * 2, num_class_embeds=11, attention_head_dim=head,
        norm_num_groups=32)


def autoencoder():
    return diffusers.AutoencoderKL(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(32, 64, 128),
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=1, norm_num_groups=8, mid_block_add_attention=True)


def unet_work(net):
    """The forward pass and the loss on Gaussian data, as functions of the batch."""
    def data(batch):
        return (torch.randn(batch, 4, 8, 8), torch.randint(0, 1000, (batch,)),
                torch.randint(0, 11, (batch,)))

    def forward(batch):
        x, t, labels = data(batch)
        return lambda: net(x, t, class_labels=labels).sample

    def loss(batch):
        predict, noise = forward(batch), torch.randn(batch, 4, 8, 8)
        return lambda: torch.nn.functional.mse_loss(predict(), noise)

    return forward, loss


def autoencoder_work(net):
    """The same for the autoencoder: decoded from the mean of the encoder's distribution."""
    def forward(batch, x=None):
        x = torch.randn(batch, 3, 32, 32) if x is None else x
        return lambda: net.decode(net.encode(x).latent_dist.mean).sample

    def loss(batch):
        x = torch.randn(batch, 3, 32, 32)
        reconstruct = forward(batch, x)
        return lambda: torch.nn.functional.l1_loss(reconstruct(), x)

    return forward, loss


def seconds_of(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


class Turns:
    """The turns of two programs that measure the same work, by the lock of a file; see Turns.swift."""

    def __init__(self, path, count, seconds):
        self.file = open(path, "r+", encoding="ascii") if path else None
        self.count, self.seconds = count, seconds

    def __enter__(self):
        if self.file:
            fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        if self.file:
            fcntl.flock(self.file, fcntl.LOCK_UN)
            time.sleep(0.02)

    def seconds_of_runs(self, run):
        """The seconds of one run in each turn, after runs to warm up."""
        result = []
        for turn in range(self.count):
            with self:
                if turn == 0:
                    run()
                first = seconds_of(run)
                if turn > 0 and first > self.seconds:
                    result.append(first)
                    continue
                times = []
                while not times or sum(times) < self.seconds:
                    times.append(seconds_of(run))
                result.append(statistics.median(times))
        return result


def peak_memory():
    """The high-water mark of this process in MiB. getrusage includes the process that started it."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def emit(network, work, images, times, memory=None):
    fields = {"network": network, "work": work, "images": images, "times": times}
    if memory is not None:
        fields["memory"] = memory
    print(json.dumps(fields), flush=True)


def measure_training_and_forward(name, net, work, batch, turns):
    forward, loss_of = work(net)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-4)
    with turns:
        loss = loss_of(batch)

    def step():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    net.train()
    emit(name, "training", batch, turns.seconds_of_runs(step), peak_memory())
    net.eval()
    with torch.no_grad():
        for images in (batch, 16, 1):
            with turns:
                run = forward(images)
            emit(name, "forward", images, turns.seconds_of_runs(run))


def measure_sampling(name, net, turns):
    """DDIM with guidance; both predictions of a step are one pass over twice the images."""
    net.eval()
    scheduler = diffusers.DDIMScheduler(
        beta_start=1e-4, beta_end=0.02, beta_schedule="linear", clip_sample=False,
        timestep_spacing="linspace")
    scheduler.set_timesteps(STEPS)
    labels = torch.arange(SAMPLES) % 10
    both = torch.cat([labels, torch.full_like(labels, 10)])

    def sample():
        z = torch.randn(SAMPLES, 4, 8, 8, generator=torch.Generator().manual_seed(1))
        for t in scheduler.timesteps:
            conditional, unconditional = net(
                torch.cat([z, z]), t, class_labels=both).sample.chunk(2)
            noise = unconditional + SCALE * (conditional - unconditional)
            z = scheduler.step(noise, t, z).prev_sample

    times = []
    for _ in range((turns.count + 3) // 4):
        with turns, torch.no_grad():
            times.append(seconds_of(sample))
    emit(name, "sampling", SAMPLES, times)


def load_weights(net, folder):
    """Loads the last chapter's denoiser, whose names are those of diffusers, if it is there."""
    path = os.path.join(folder or "", "denoiser.safetensors")
    if folder and os.path.exists(path):
        from safetensors.torch import load_file
        weights = {key: value.float() for key, value in load_file(path).items()}
        net.load_state_dict(weights, strict=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network", nargs="?", choices=[*UNETS, "vae"])
    parser.add_argument("--versions", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each kind of work")
    parser.add_argument("--seconds", type=float, default=1, help="least seconds of a turn")
    parser.add_argument("--lock", help="file whose lock gives this program its turns")
    parser.add_argument("--weights")
    options = parser.parse_args()
    turns = Turns(options.lock, options.rounds, options.seconds)
    with turns:
        load_libraries()
    if options.versions:
        print(json.dumps({"pytorch": torch.__version__, "diffusers": diffusers.__version__}))
        return
    if options.network is None:
        parser.error("name a network")
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    name = options.network
    with turns:
        net = autoencoder() if name == "vae" else unet(name)
    if name == "vae":
        measure_training_and_forward(name, net, autoencoder_work, 64, turns)
        return
    if name == "unet-course":
        load_weights(net, options.weights)
    else:
        measure_training_and_forward(name, net, unet_work, 128, turns)
    measure_sampling(name, net, turns)


main()
