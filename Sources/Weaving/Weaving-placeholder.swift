// Weaving: under construction.
