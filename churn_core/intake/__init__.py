"""From a file to the warehouse: read, map, check, load; quality and the simulated shop."""
