"""The example call centre: site files that ship with ccctl and that `ccctl init` copies."""
