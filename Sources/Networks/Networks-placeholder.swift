// Networks: under construction.
