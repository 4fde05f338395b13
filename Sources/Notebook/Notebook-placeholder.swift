// Notebook: under construction.
