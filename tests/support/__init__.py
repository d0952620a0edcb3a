"""What several test files and the programs in benchmarks/ share."""
