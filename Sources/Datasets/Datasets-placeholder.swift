// Datasets: under construction.
