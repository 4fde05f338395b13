// Figures: under construction.
