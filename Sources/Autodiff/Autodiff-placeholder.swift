// Autodiff: under construction.
