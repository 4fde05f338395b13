// Learning: under construction.
