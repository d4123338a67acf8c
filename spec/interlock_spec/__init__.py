"""The life cycles that Interlock ships, as data: one TOML file each. The notation is explained in spec/README.md."""
