// Diffusion: under construction.
