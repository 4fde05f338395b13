// Evaluation: under construction.
