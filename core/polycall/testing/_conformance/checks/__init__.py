"""The checks, one module for each group; `checks_table.all_checks` gathers them."""
